import {
  AT_EMPTY_PATH,
  O_CLOEXEC,
  O_NOCTTY,
  O_RDWR,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../../linux/constants/open.ts";
import {
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../linux/constants/mount.ts";
import { addOpenTarget, encodeOpenHow } from "./paths.ts";
import type { PlanArgument, PlanBlob, PlanList, PlanStreams, Slot } from "./plan.ts";
import { addBarrier, takeMaster } from "./report.ts";

// ioctl_tty(2); the same on x86_64 and arm64.
const TIOCSCTTY = 0x540e;
const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const TIOCSPTLCK = 0x40045431;

const ownerAbout = "give the standard streams to the user";

/**
 * The pipes of a process without a terminal; its own ends go to 0, 1 and 2 in the child. `owner` is the host's id of a
 * user that the child could not name.
 */
export function addPipes(
  before: PlanList,
  child: PlanList,
  blob: PlanBlob,
  options: { readonly stdin: boolean; readonly owner?: number | undefined },
): PlanStreams {
  const about = "make the standard streams";
  const pipe = (): { read: Slot; write: Slot } => {
    const pair = blob.reserve(8);
    before.add(about, "pipe2", [{ addressOf: pair }, O_CLOEXEC]);
    const ends = { read: { offset: pair.offset, bytes: 4 }, write: { offset: pair.offset + 4, bytes: 4 } };
    if (options.owner !== undefined)
      before.add(ownerAbout, "fchown", [{ load: ends.read }, options.owner, -1]);
    return ends;
  };
  const out = pipe();
  const error = pipe();
  const input = options.stdin ? pipe() : undefined;
  // Without standard input, descriptor 0 is the keeper's own: /dev/null.
  if (input !== undefined) child.add(about, "dup3", [{ load: input.read }, 0, 0]);
  child.add(about, "dup3", [{ load: out.write }, 1, 0]);
  child.add(about, "dup3", [{ load: error.write }, 2, 0]);
  return { stdin: input?.write, stdout: out.read, stderr: error.read };
}

/**
 * A pseudo-terminal of the container's own devpts: its slave becomes 0, 1, 2, the controlling terminal and
 * /dev/console; the keeper takes the master out, so that nothing in the container holds it.
 * SAFETY: the slave is opened through the master (TIOCGPTPEER) and bound by descriptor, never by a path.
 */
export function addTerminal(
  list: PlanList,
  blob: PlanBlob,
  root: PlanArgument,
  options: {
    readonly size?: { readonly height: number; readonly width: number } | undefined;
    readonly console: boolean;
  },
): void {
  const about = "make the terminal";
  const how = encodeOpenHow(
    O_RDWR | O_NOCTTY | O_CLOEXEC,
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
  );
  const barrier = blob.reserve(16);
  const master = list.add(about, "openat2", [root, "dev/pts/ptmx", how, 24], {
    store: { offset: barrier.offset + 8, bytes: 8 },
  });
  list.add(about, "ioctl", [master, TIOCSPTLCK, new Uint8Array(4)]);
  const slave = list.add(about, "ioctl", [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC]);
  if (options.size !== undefined) {
    const size = Buffer.alloc(8);
    size.writeUInt16LE(options.size.height, 0);
    size.writeUInt16LE(options.size.width, 2);
    list.add(about, "ioctl", [master, TIOCSWINSZ, size]);
  }
  if (options.console) {
    const tree = list.add(about, "open_tree", [
      slave,
      "",
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH,
    ]);
    const target = addOpenTarget(list, blob, root, "/dev/console", {
      about,
      kind: "file",
      symlinks: "refuse",
    });
    list.add(about, "move_mount", [tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH]);
  }
  addBarrier(list, blob, barrier, takeMaster, about);
  for (const fd of [0, 1, 2]) list.add(about, "dup3", [slave, fd, 0]);
  list.add(about, "close", [master]);
  list.add(about, "ioctl", [0, TIOCSCTTY, 0]);
  list.add(about, "fchmod", [0, 0o620]);
}

/** The user owns its streams, so that opening /dev/stdout works without being root. */
export function addStreamOwner(list: PlanList, uid: number, options: { readonly stdin: boolean }): void {
  for (const fd of options.stdin ? [0, 1, 2] : [1, 2]) list.add(ownerAbout, "fchown", [fd, uid, -1]);
}
