import { readFileSync } from "node:fs";
import { Failure } from "../base/failure.ts";
import { OwnedFd } from "../linux/fd.ts";
import { MOUNT_ATTR_RDONLY } from "../linux/constants/mount.ts";
import { cloneTree, setMountAttributes } from "../linux/mount.ts";
import { isForcedAbsent } from "../linux/without.ts";
import { attempt, call } from "../linux/syscall.ts";
import type { KeeperProgram } from "./types.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 16;
const F_DUPFD_CLOEXEC = 1030;
const F_ADD_SEALS = 1033;
const everySeal = 1 | 2 | 4 | 8; // seal, shrink, grow, write

/**
 * The keeper as an executable memory file that nobody can change, not even root in a container that holds it.
 * SAFETY: sealed before it is ever executed (R4). Where the host forbids executing memory files, the file itself,
 * which no container's mount namespace shows.
 */
export function openKeeperProgram(file: string): KeeperProgram {
  const asFile = { path: file, openInit: () => openReadOnly(file), [Symbol.dispose]: () => {} };
  if (isForcedAbsent("memfd-exec")) return asFile;
  const bytes = readFileSync(file);
  let created = attempt("memfd_create", "tare-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // KERNEL(6.3): MFD_EXEC is unknown before.
  if (created < 0) created = attempt("memfd_create", "tare-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (created < 0) return asFile;
  using memory = new OwnedFd(created);
  for (let written = 0; written < bytes.length; ) {
    written += call("write", memory.fd, bytes.subarray(written), bytes.length - written);
  }
  call("fcntl", memory.fd, F_ADD_SEALS, everySeal);
  const owned = new OwnedFd(memory.move());
  // By our pid: in a child, "self" would be a table whose numbers are already reused for what it inherits.
  const path = `/proc/${process.pid}/fd/${owned.fd}`;
  if (bytes.length === 0) throw new Failure("corrupt", `cannot use the keeper "${file}": it is empty`);
  return {
    path,
    openInit: () => new OwnedFd(call("fcntl", owned.fd, F_DUPFD_CLOEXEC, 0)),
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

/** SAFETY: a container can reach what its processes were executed from; through this mount nobody can write to it. */
function openReadOnly(file: string): OwnedFd {
  using tree = cloneTree(file, { recursive: false, propagation: "private" });
  setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY });
  return new OwnedFd(tree.move());
}
