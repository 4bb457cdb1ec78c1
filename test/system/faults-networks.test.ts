import { describeFaults } from "../support/fault-tests.ts";
import { networkOperations } from "../support/fault-networks.ts";

describeFaults("work on networks", networkOperations);
