import { commandOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("a command", commandOperations);
