import { btrfsOperations } from "../support/fault-storage.ts";
import { describeFaults } from "../support/fault-tests.ts";

if (Bun.which("mkfs.btrfs") === null) console.log("skipped: mkfs.btrfs (apt-get install btrfs-progs)");
else describeFaults("work on btrfs", btrfsOperations, { storageDriver: "btrfs", disk: "btrfs" });
