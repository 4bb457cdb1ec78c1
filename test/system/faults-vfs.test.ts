import { vfsOperations } from "../support/fault-operations.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on vfs", vfsOperations, { storageDriver: "vfs" });
