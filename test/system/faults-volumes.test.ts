import { describeFaults } from "../support/fault-tests.ts";
import { volumeOperations } from "../support/fault-volumes.ts";

describeFaults("work on volumes", volumeOperations);
