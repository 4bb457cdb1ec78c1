import { vfsOperations } from "../support/fault-storage.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on vfs", vfsOperations, { storageDriver: "vfs" });
