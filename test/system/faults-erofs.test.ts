import { erofsOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on erofs", erofsOperations, { storageDriver: "erofs" });
