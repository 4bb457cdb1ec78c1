import { required } from "../../base/required.ts";
import { posix } from "node:path";
import { AT_EMPTY_PATH } from "../../linux/constants/open.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { kernelFilesystems } from "../../linux/mount/filesystem-status.ts";
import { checkNotIn, type PlanArgument, type PlanBlob, type PlanList, type Slot } from "./plan.ts";

/** Enough for `struct stat` and `struct statfs`; both begin with what is compared: the device, the type. */
const statusBytes = 144;
const why = {
  [errno.EPERM]: "a symbolic link leads it into /proc, /sys or /dev, which no other mount may cover",
};

type KernelFilesystem = "/proc" | "/sys" | "/dev" | "elsewhere";

/** The file systems that a mount must not cover whose destination, as it is written, is in this place. */
const refused: ReadonlyMap<KernelFilesystem, Uint8Array> = new Map(
  (["/proc", "/sys", "/dev", "elsewhere"] as const).map((filesystem) => [
    filesystem,
    new Uint8Array(
      Uint32Array.from([...kernelFilesystems].flatMap(([magic, own]) => (own === filesystem ? [] : [magic])))
        .buffer,
    ),
  ]),
);

/**
 * Refuses mount targets that symbolic links redirect to the kernel's file systems, or to the file systems that the plan
 * has created for /dev and /sys/fs/cgroup. SAFETY: the check uses the descriptor that the mount is then attached to, so
 * no process can exchange it in between. When no link was followed, the target is the one that the caller wrote, and
 * the engine has validated it.
 */
export class TargetChecks {
  readonly #blob: PlanBlob;
  readonly #status: Slot;
  /** Each holds the device number of a tmpfs. */
  readonly #own: { readonly filesystem: KernelFilesystem; readonly status: Slot }[] = [];

  constructor(blob: PlanBlob) {
    this.#blob = blob;
    this.#status = blob.reserve(statusBytes);
  }

  /** `fd`: a tmpfs that was made for this container at the destination; only those of /dev and of cgroups count. */
  addOwn(list: PlanList, fd: PlanArgument, destination: string): void {
    const path = posix.resolve("/", destination);
    if (path !== "/dev" && path !== "/sys/fs/cgroup") return;
    const status = this.#blob.reserve(statusBytes);
    const about = `find the device number of "${path}"`;
    list.add(about, "newfstatat", [fd, "", { addressOf: status }, AT_EMPTY_PATH]);
    this.#own.push({ filesystem: filesystemOf(path), status });
  }

  add(
    list: PlanList,
    target: PlanArgument,
    { destination, about }: { readonly destination: string; readonly about: string },
  ): void {
    const filesystem = filesystemOf(destination);
    const types = required(refused.get(filesystem));
    const status = { addressOf: this.#status };
    list.add(about, "fstatfs", [target, status]);
    list.add(about, checkNotIn, [status, types, types.length / 4], { why });
    const own = this.#own.filter((each) => each.filesystem !== filesystem);
    if (own.length > 0) list.add(about, "newfstatat", [target, "", status, AT_EMPTY_PATH]);
    for (const each of own) list.add(about, checkNotIn, [status, { addressOf: each.status }, 1], { why });
  }
}

function filesystemOf(destination: string): KernelFilesystem {
  const first = posix.resolve("/", destination).split("/", 2)[1] ?? "";
  return first === "proc" || first === "sys" || first === "dev" ? `/${first}` : "elsewhere";
}
