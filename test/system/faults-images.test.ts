import { imageOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on images", imageOperations);
