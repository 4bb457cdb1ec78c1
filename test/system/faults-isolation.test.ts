import { isolatedOperations } from "../support/fault-isolation.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("all kinds of isolation", isolatedOperations);
