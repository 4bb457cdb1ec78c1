import {
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  MOUNT_ATTR_RDONLY,
} from "../../src/linux/constants/mount.ts";
import { errno } from "../../src/linux/kernel/errno.ts";
import { cloneTree, type MountKernel, setMountAttributes } from "../../src/linux/mount/mount.ts";
import { statFd } from "../../src/linux/files/stat.ts";
import { SyscallFailure } from "../../src/linux/kernel/syscall.ts";
import { AufsCalls } from "./aufs-calls.ts";
import { showAufs } from "./aufs-rules.ts";
import { memoryDirectory, Scratch } from "./scratch.ts";

export interface SimulatedBranch {
  readonly path: string;
  readonly rights: string;
}

interface Context {
  /** Undefined: for a new file system. */
  readonly mount: Mount | undefined;
  readonly parameters: [key: string, value: string | true][];
  made?: Mount;
}

interface Mount {
  branches: readonly SimulatedBranch[];
  readonly flags: ReadonlySet<string>;
  /** The mounted tree: a copy of aufs's view, or the writable branch itself. */
  shown?: string;
}

/** KERNEL: a context's options are kept in a page, 48 bytes each, and a mark of their end. */
const mostOptions = 84;
/** KERNEL: the maximum length of text for a file system without contexts. */
const mostTextBytes = 4094;
/** KERNEL: fsconfig(2) takes a string of so many bytes, and its NUL. */
const longestString = 255;

const flags = new Set(["dirperm1", "noplink", "dio", "nowarn_perm", "noxino", "acl", "ro"]);

/**
 * A kernel with aufs, as far as the driver meets it. It takes the mount options that aufs takes, refuses those that
 * aufs refuses, and records the calls. A mount is a detached mount with an O_PATH descriptor, as fsmount(2) returns it.
 * A read-only mount shows a copy of what aufs would show. A writable mount shows its writable branch, with the files
 * that aufs creates there. AufsCalls applies the rules of aufs to the system calls on a mount.
 */
export class SimulatedAufs implements Disposable {
  readonly calls: (readonly unknown[])[] = [];
  readonly #contexts = new Map<number, Context>();
  readonly #mounts = new Map<number, Mount>();
  readonly #branchLimit: number;
  readonly #xinos = new Set<string>();
  readonly #views = new Scratch("aufs-views", memoryDirectory);
  readonly #rules = new AufsCalls();
  #viewCount = 0;

  constructor({ branchLimit = 127 }: { readonly branchLimit?: number } = {}) {
    this.#branchLimit = branchLimit;
  }

  get mounted(): readonly Mount[] {
    return [...this.#mounts.values()];
  }

  readonly kernel: MountKernel = (name, ...args) => {
    this.calls.push([name, ...args]);
    const fail = (code: keyof typeof errno): never => {
      throw new SyscallFailure(name, args, errno[code]);
    };
    if (name === "fsopen") {
      if (args[0] !== "aufs") return fail("ENODEV");
      return this.#open({ mount: undefined, parameters: [] });
    }
    if (name === "fspick") {
      const mount = this.#mounts.get(args[0] as number);
      if (mount === undefined || args[1] !== "") return fail("EINVAL");
      return this.#open({ mount, parameters: [] });
    }
    const context = this.#contexts.get(args[0] as number);
    if (context === undefined) return fail("EBADF");
    if (name === "fsmount") return this.#attach(context.made ?? fail("EINVAL"), args[2] as number);
    const [, command, key, value] = args;
    switch (command) {
      case FSCONFIG_SET_FLAG:
        if (!flags.has(key as string)) return fail("EINVAL");
        context.parameters.push([key as string, true]);
        return 0;
      case FSCONFIG_SET_STRING:
        if (Buffer.byteLength(value as string) > longestString) return fail("EINVAL");
        context.parameters.push([key as string, value as string]);
        return this.#isOver(context) ? fail("E2BIG") : 0;
      case FSCONFIG_CMD_CREATE: {
        const branches = valuesOf(context, "br").flatMap((list) => list.split(":"));
        if (context.mount !== undefined || branches.length === 0) return fail("EINVAL");
        const [xino = ""] = valuesOf(context, "xino");
        if (this.#xinos.has(xino)) return fail("EEXIST");
        this.#xinos.add(xino);
        context.made = { branches: [], flags: new Set(context.parameters.map(([each]) => each)) };
        return this.#add(context.made, branches) ?? fail("ENOSPC");
      }
      case FSCONFIG_CMD_RECONFIGURE:
        if (context.mount === undefined) return fail("EBUSY");
        return this.#add(context.mount, valuesOf(context, "append")) ?? fail("ENOSPC");
      default:
        return fail("EOPNOTSUPP");
    }
  };

  #open(context: Context): number {
    const fd = openSync("/dev/null", "r");
    this.#contexts.set(fd, context);
    return fd;
  }

  #attach(mount: Mount, attributes: number): number {
    const [top] = mount.branches;
    if (top?.rights === "rw") makeOwnEntries((mount.shown = top.path));
    else this.#show(mount);
    using root = cloneTree(`${mount.shown}/.`);
    if ((attributes & MOUNT_ATTR_RDONLY) !== 0) setMountAttributes(root.fd, { set: MOUNT_ATTR_RDONLY });
    this.#rules.add(statFd(root.fd).mountId, { hasAcl: mount.flags.has("acl") });
    const fd = root.move();
    this.#mounts.set(fd, mount);
    return fd;
  }

  /** Makes the copy; after a change of the branches again, in the same directory. */
  #show(mount: Mount): void {
    const fresh = this.#views.join("fresh");
    showAufs(
      mount.branches.map(({ path }) => realpathSync(path)),
      fresh,
    );
    if (mount.shown === undefined) {
      mount.shown = this.#views.join(String(this.#viewCount++));
      renameSync(fresh, mount.shown);
      return;
    }
    for (const name of readdirSync(mount.shown)) rmSync(`${mount.shown}/${name}`, { recursive: true });
    for (const name of readdirSync(fresh)) renameSync(`${fresh}/${name}`, `${mount.shown}/${name}`);
    rmdirSync(fresh);
  }

  [Symbol.dispose](): void {
    this.#rules[Symbol.dispose]();
    this.#views[Symbol.dispose]();
  }

  #isOver({ parameters }: Context): boolean {
    const bytes = parameters.reduce((sum, [key, value]) => sum + `,${key}=${String(value)}`.length, 0);
    const options = parameters.reduce((sum, [, value]) => sum + String(value).split(":").length, 0);
    return bytes > mostTextBytes || options > mostOptions;
  }

  #add(mount: Mount, values: readonly string[]): 0 | undefined {
    const added = values.map((value) => {
      const [path = "", rights = ""] = value.split("=");
      closeSync(openSync(path, "r"));
      return { path, rights };
    });
    mount.branches = [...mount.branches, ...added];
    if (mount.shown?.startsWith(this.#views.path) === true) this.#show(mount);
    return mount.branches.length > this.#branchLimit ? undefined : 0;
  }
}

/** Creates the entries that aufs creates in a writable branch on mount. */
function makeOwnEntries(branch: string): void {
  for (const name of [".wh..wh.plnk", ".wh..wh.orph"])
    mkdirSync(`${branch}/${name}`, { recursive: true, mode: 0o700 });
  if (!readdirSync(branch).includes(".wh..wh.aufs"))
    writeFileSync(`${branch}/.wh..wh.aufs`, "", { mode: 0o444 });
}

function valuesOf({ parameters }: Context, key: string): string[] {
  return parameters.flatMap(([each, value]) => (each === key && value !== true ? [value] : []));
}
