import { erofsOperations } from "../support/fault-storage.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on erofs", erofsOperations, { storageDriver: "erofs" });
