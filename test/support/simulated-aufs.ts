import { closeSync, openSync } from "node:fs";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
} from "../../src/linux/constants/mount.ts";
import { errno } from "../../src/linux/errno.ts";
import type { MountKernel } from "../../src/linux/mount.ts";
import { SyscallFailure } from "../../src/linux/syscall.ts";

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
}

/** KERNEL: a context's options are kept in a page, 48 bytes each, and a mark of their end. */
const mostOptions = 84;
/** KERNEL: so much of text where a file system knows no contexts. */
const mostTextBytes = 4094;
/** KERNEL: fsconfig(2) takes a string of so many bytes, and its NUL. */
const longestString = 255;

const flags = new Set(["dirperm1", "noplink", "dio", "nowarn_perm", "noxino", "ro"]);

/**
 * The part of a kernel with aufs that mounts: takes what aufs takes, refuses what it refuses, and records the calls. What is
 * mounted is the topmost branch, as it is.
 */
export class SimulatedAufs {
  readonly calls: (readonly unknown[])[] = [];
  readonly #contexts = new Map<number, Context>();
  readonly #mounts = new Map<number, Mount>();
  readonly #branchLimit: number;
  readonly #xinos = new Set<string>();

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
    if (name === "fsmount") return this.#attach(context.made ?? fail("EINVAL"));
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

  /** The topmost branch stands for the mount. */
  #attach(mount: Mount): number {
    const fd = openSync(mount.branches[0]?.path ?? "/dev/null", "r");
    this.#mounts.set(fd, mount);
    return fd;
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
    return mount.branches.length > this.#branchLimit ? undefined : 0;
  }
}

function valuesOf({ parameters }: Context, key: string): string[] {
  return parameters.flatMap(([each, value]) => (each === key && value !== true ? [value] : []));
}
