import { podOperations } from "../support/fault-pods.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on pods", podOperations);
