import { formatBinaryByteSize } from "../../base/byte-size.ts";
import type { HostFinding } from "../../model/host-check.ts";
import { upgradeKernelCommands } from "./distribution.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup, notVisible } from "./finding.ts";
import { isOlder } from "./kernel-findings.ts";

const disk = inGroup("disk");

const leastBytes = 1024 ** 3;
const leastShare = 0.05;
/** File systems that cannot carry the upper directory of an overlay. */
const notBelowOverlay: ReadonlySet<string> = new Set([
  "overlay",
  "nfs",
  "nfs4",
  "cifs",
  "smb3",
  "ecryptfs",
  "vfat",
  "exfat",
  "ntfs3",
  "fuse",
  "fuseblk",
  "aufs",
]);
const inMemory: ReadonlySet<string> = new Set(["tmpfs", "ramfs"]);

/** Pure. */
export function findDiskFaults(facts: HostFacts): readonly HostFinding[] {
  const { lookedAt, dataRoot, type } = facts.disk;
  return [
    fileSystem(facts),
    ...flags(facts),
    space(facts),
    inodes(facts),
    ...features(facts),
    idmap(facts),
    runRoot(facts),
    disk(
      "data root",
      lookedAt === dataRoot ? `${dataRoot} on ${type}` : `${dataRoot} will be created in ${lookedAt}`,
    ),
  ];
}

/** A directory on another file system, which only the administrator can choose. */
const elsewhere = "tare --data-root DIRECTORY ps";

function fileSystem({ disk: { type, mountPoint, driver } }: HostFacts): HostFinding {
  if (inMemory.has(type)) {
    return disk("file system", `${type} at ${mountPoint}`, {
      status: "warning",
      affects: "images, containers and volumes are in memory, and lost at a reboot",
      fix: [elsewhere],
    });
  }
  if (notBelowOverlay.has(type) && driver !== "vfs") {
    return disk("file system", `${type} at ${mountPoint}`, {
      status: "warning",
      affects: "the storage driver overlay; vfs copies the whole image for each container",
      fix: [elsewhere],
    });
  }
  return disk("file system", `${type} at ${mountPoint}`);
}

/** The effect of a mount's flag on volumes, and on root file systems if the driver binds directories. */
const harms: readonly (readonly [flag: string, opposite: string, affects: string])[] = [
  ["nosuid", "suid", "set-user-ID programs in volumes, and with the storage driver vfs in images"],
  ["noexec", "exec", "programs in volumes, and with the storage driver vfs in images"],
  ["nodev", "dev", "device files in volumes"],
];

function flags({ disk: { options, mountPoint, run } }: HostFacts): HostFinding[] {
  if (options.includes("ro")) {
    return [
      disk("mount flags", "the data root's file system is read-only", {
        status: "missing",
        affects: "the daemon does not start",
        fix: [`mount -o remount,rw ${mountPoint}`],
      }),
    ];
  }
  const found = harms.filter(([flag]) => options.includes(flag));
  const exec = `mount -o remount,exec ${mountPoint}`;
  if (options.includes("noexec") && run.options.includes("noexec")) {
    return [
      disk("mount flags", "noexec, on the run root's file system too", {
        status: "missing",
        affects: "the daemon does not start: it has no place for its addon",
        fix: [exec],
      }),
    ];
  }
  if (found.length === 0) return [disk("mount flags", "none that matter")];
  const isHarmless = found.every(([flag]) => flag === "nodev");
  return [
    disk("mount flags", found.map(([flag]) => flag).join(", "), {
      status: isHarmless ? "info" : "warning",
      affects: found.map(([, , affects]) => affects).join("; "),
      fix: [`mount -o remount,${found.map(([, opposite]) => opposite).join(",")} ${mountPoint}`],
    }),
  ];
}

function space({ disk: { freeBytes, totalBytes } }: HostFacts): HostFinding {
  const found = `${formatBinaryByteSize(freeBytes)} of ${formatBinaryByteSize(totalBytes)} free`;
  if (freeBytes >= leastBytes && freeBytes >= totalBytes * leastShare) return disk("space", found);
  return disk("space", found, {
    status: freeBytes === 0 ? "missing" : "warning",
    affects: "pulls, new containers and what containers write",
    fix: ["tare system prune"],
  });
}

function inodes({ disk: { freeInodes, totalInodes } }: HostFacts): HostFinding {
  if (totalInodes === 0) return disk("inodes", "not limited");
  const found = `${freeInodes} of ${totalInodes} free`;
  if (freeInodes >= totalInodes * leastShare) return disk("inodes", found);
  return disk("inodes", found, {
    status: freeInodes === 0 ? "missing" : "warning",
    affects: "pulls, new containers and new files of containers",
    fix: ["tare system prune"],
  });
}

function features(facts: HostFacts): HostFinding[] {
  const { features: found } = facts.disk;
  if (found === undefined) return [disk("features", notVisible, { status: "info" })];
  const { entryTypes, userXattr, reflink, projectQuota } = found;
  return [
    entryTypes
      ? disk("d_type", "present")
      : disk("d_type", "the file system does not report the types of directory entries", {
          status: "missing",
          affects: "the storage driver overlay, whose deletions stay visible",
          fix: [elsewhere],
        }),
    userXattr
      ? disk("user.* attributes", "present")
      : disk("user.* attributes", "missing", {
          status: "info",
          affects: "images and volumes whose files have such attributes",
        }),
    reflink
      ? disk("reflink", "present")
      : disk("reflink", "missing", {
          status: "info",
          affects: "only speed and disk space: the storage driver vfs copies files whole",
        }),
    projectQuota
      ? disk("project quota", "present")
      : disk("project quota", "missing", {
          status: "info",
          affects: "--storage-opt size with the storage drivers overlay and vfs",
          fix: enableProjectQuota(facts),
        }),
  ];
}

// KERNEL(5.12): each file system has idmapped mounts since its own version; these have them where layers can have them.
const idmapped: ReadonlySet<string> = new Set(["ext4", "xfs", "btrfs", "f2fs", "erofs"]);

function idmap({ disk: { type }, kernel: { release, architecture }, distribution }: HostFacts): HostFinding {
  const affects = "--userns, and volumes and binds with idmap";
  if (isOlder(release, "5.19")) {
    return disk("idmapped mounts", "layers of images need Linux 5.19", {
      status: "warning",
      affects,
      fix: upgradeKernelCommands(distribution, architecture),
    });
  }
  if (idmapped.has(type) || (type === "tmpfs" && !isOlder(release, "6.3")))
    return disk("idmapped mounts", `${type} has them`);
  return disk("idmapped mounts", `${type} may not have them`, { status: "info", affects });
}

/** Neither file system takes the option while it is mounted. */
function enableProjectQuota({ disk: { type, mountPoint, source } }: HostFacts): readonly string[] {
  if (mountPoint === "/" || (type !== "ext4" && type !== "xfs")) return [];
  const prepare = type === "ext4" ? [`tune2fs -O quota,project -Q prjquota ${source}`] : [];
  return [`umount ${mountPoint}`, ...prepare, `mount -o prjquota ${source} ${mountPoint}`];
}

function runRoot({ disk: { run } }: HostFacts): HostFinding {
  if (run.options.includes("ro")) {
    return disk("run root", `${run.lookedAt} is read-only`, {
      status: "missing",
      affects: "the daemon does not start",
      fix: [`mount -o remount,rw ${run.lookedAt}`],
    });
  }
  return disk("run root", `${run.lookedAt} on ${run.type}`);
}
