import { type Addon, addon, type Argument } from "../../src/linux/kernel/addon.ts";
import { MOUNT_ATTR_IDMAP } from "../../src/linux/constants/mount.ts";
import { AT_EMPTY_PATH } from "../../src/linux/constants/open.ts";
import { errno } from "../../src/linux/kernel/errno.ts";
import { type SyscallName, syscallNumber } from "../../src/linux/kernel/syscall.ts";

/** Call → the positions of its directories; a name follows each. */
const named: Partial<Record<SyscallName, readonly number[]>> = {
  openat: [0],
  openat2: [0],
  statx: [0],
  unlinkat: [0],
  mkdirat: [0],
  mknodat: [0],
  readlinkat: [0],
  fchownat: [0],
  fchmodat: [0],
  symlinkat: [1],
  utimensat: [0],
  linkat: [0, 2],
  renameat2: [0, 2],
};
const attributeCalls: readonly SyscallName[] = ["fsetxattr", "fgetxattr"];

const STATX_MNT_ID = 0x1000;

/**
 * Applies the rules of aufs to the calls of this thread on some mounts, as measured on Linux 6.12.118 with the patches
 * of aufs:
 * - every name that begins with ".wh." is EPERM, for each call that looks a name up;
 * - POSIX ACLs are EOPNOTSUPP without the mount option "acl";
 * - times are set in whole seconds;
 * - a mount can't be idmapped.
 */
export class AufsCalls implements Disposable {
  readonly #mounts = new Map<bigint, { readonly hasAcl: boolean }>();
  readonly #addon: Addon = addon();
  readonly #call: Addon["call"] = this.#addon.call.bind(this.#addon);

  constructor() {
    const names = new Map<number, SyscallName>();
    for (const name of [
      ...(Object.keys(named) as SyscallName[]),
      ...attributeCalls,
      "mount_setattr" as const,
    ])
      names.set(syscallNumber(name), name);
    this.#addon.call = (number, ...args) => {
      const name = names.get(number);
      const refused = name === undefined ? 0 : this.#refusalOf(name, args);
      if (refused !== 0) return refused;
      return this.#call(number, ...(name === "utimensat" ? this.#cutTimes(args) : args));
    };
  }

  add(mountId: bigint, rules: { readonly hasAcl: boolean }): void {
    this.#mounts.set(mountId, rules);
  }

  [Symbol.dispose](): void {
    this.#addon.call = this.#call;
  }

  #refusalOf(name: SyscallName, args: readonly Argument[]): number {
    for (const at of named[name] ?? []) {
      const path = args[at + 1] ?? null;
      if (!isMark(path) || this.#rulesOf(args[at]) === undefined) continue;
      return -errno.EPERM;
    }
    if (attributeCalls.includes(name) && textOf(args[1]).startsWith("system.posix_acl_"))
      return this.#rulesOf(args[0])?.hasAcl === false ? -errno.EOPNOTSUPP : 0;
    if (name === "mount_setattr" && this.#rulesOf(args[0]) !== undefined)
      return isIdmap(args[3]) ? -errno.EINVAL : 0;
    return 0;
  }

  #cutTimes(args: readonly Argument[]): Argument[] {
    const times = args[2];
    if (!(times instanceof Uint8Array) || this.#rulesOf(args[0]) === undefined) return [...args];
    const cut = Uint8Array.from(times);
    cut.fill(0, 8, 16).fill(0, 24, 32);
    return [...args.slice(0, 2), cut, ...args.slice(3)];
  }

  #rulesOf(fd: Argument | undefined): { readonly hasAcl: boolean } | undefined {
    if (this.#mounts.size === 0 || typeof fd !== "number" || fd < 0) return undefined;
    const buffer = new Uint8Array(256);
    const statx = syscallNumber("statx");
    if (this.#call(statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, buffer) !== 0) return undefined;
    return this.#mounts.get(new DataView(buffer.buffer).getBigUint64(144, true));
  }
}

function isMark(path: Argument): boolean {
  return textOf(path)
    .split("/")
    .some((name) => name.startsWith(".wh."));
}

function isIdmap(attributes: Argument | undefined): boolean {
  if (!(attributes instanceof Uint8Array)) return false;
  const set = new DataView(attributes.buffer, attributes.byteOffset).getUint32(0, true);
  return (set & MOUNT_ATTR_IDMAP) !== 0;
}

function textOf(argument: Argument | undefined): string {
  return argument instanceof Uint8Array ? Buffer.from(argument).toString("latin1") : String(argument ?? "");
}
