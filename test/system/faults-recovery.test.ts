import { recoveryOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("its opening", recoveryOperations);
