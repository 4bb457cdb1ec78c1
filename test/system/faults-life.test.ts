import { containerOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("a container's life", containerOperations);
