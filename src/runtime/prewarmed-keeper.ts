import { mkdirSync, rmSync } from "node:fs";
import { sleep } from "../base/deadline.ts";
import { errno } from "../linux/kernel/errno.ts";
import { type Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { openDirectoryPath } from "../linux/files/open.ts";
import { readOwnLimits } from "../linux/process/rlimit.ts";
import { findArgumentsAddress, findProcessStatistics } from "../linux/process/process.ts";
import { mostPassedFds, openSocketPair, sendUnixMessage } from "../linux/sockets/unix-message.ts";
import { type Plan, type PlanBlob, PlanList } from "./plan/plan.ts";
import type { KeeperProgram } from "./keeper-program.ts";
import { firstInheritedFd, Inheritance } from "./keeper/inheritance.ts";
import { moveSocket, putSocketAside, socketName } from "./keeper/socket.ts";
import { keeperName, type StartedKeeper, startKeeper } from "./keeper/start-keeper.ts";

/** The argument in place of a container's id, of the same length. */
const placeholderId = "prewarmed".padEnd(64);
const nameBytes = placeholderId.length;
/** The descriptor after the channel is the connection to the engine. */
const firstFd = firstInheritedFd + 2;
const F_GETFD = 1;
const mostNamingMs = 1_000;
const namingStepMs = 2;

/**
 * A keeper that is executed before a container needs it. The descriptors that another keeper inherits, and its name,
 * reach it through a channel; the first calls of its plan receive them. It ends when its connection is closed.
 */
export class PrewarmedKeeper implements Disposable {
  /** See Inheritance. */
  readonly firstFd: number = firstFd;
  readonly #started: StartedKeeper;
  readonly #channel: OwnedFd;
  /** Of its socket. */
  readonly #path: string;
  readonly #nameAddress: bigint;
  /** Of the moment of its start. */
  readonly #limits: Buffer;
  #isAlive = true;
  #isHanded = false;

  private constructor(
    started: StartedKeeper,
    parts: {
      readonly channel: OwnedFd;
      readonly path: string;
      readonly nameAddress: bigint;
      readonly limits: Buffer;
    },
  ) {
    this.#started = started;
    this.#channel = parts.channel;
    this.#path = parts.path;
    this.#nameAddress = parts.nameAddress;
    this.#limits = parts.limits;
    for (const event of ["end", "close"]) started.socket.once(event, () => (this.#isAlive = false));
    started.socket.resume(); // otherwise its end is not noticed
    started.socket.unref();
  }

  /** Its socket is in the directory, where one is created at a time. Undefined where its memory cannot be read. */
  static async start(program: KeeperProgram, directory: string): Promise<PrewarmedKeeper | undefined> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    using opened = openDirectoryPath(directory);
    using channel = openSocketPair();
    const inheritance = new Inheritance();
    inheritance.add(channel.theirs.fd);
    const onInherited = (): void => channel.theirs[Symbol.dispose]();
    using leftover = new DisposableStack();
    // Of one that ended before it could be reached; otherwise it is elsewhere by then.
    leftover.defer(() => rmSync(`${directory}/${socketName}`, { force: true }));
    const limits = readOwnLimits();
    const started = await startKeeper({
      program,
      id: placeholderId,
      directory: opened,
      inheritance,
      onInherited,
    });
    const path = `${directory}/${started.keeperPid}.sock`;
    // It has no deadline any more: after a failure from here on, it ends with its connection.
    using unused = new DisposableStack();
    unused.defer(() => {
      started.socket.destroy();
      rmSync(path, { force: true });
    });
    // It may be taken, and not have its container yet, when the next one is created.
    putSocketAside(opened.fd, path);
    const isNamed = await untilNamed(started.keeperPid);
    const address = isNamed ? findArgumentsAddress(started.keeperPid) : undefined;
    if (address === undefined) return undefined;
    unused.move();
    return new PrewarmedKeeper(started, {
      channel: new OwnedFd(channel.ours.move()),
      path,
      nameAddress: address + BigInt(keeperName.length + 1),
      limits,
    });
  }

  /** The engine's limits are its own, and its container's: with others it is of no use. */
  get isAlive(): boolean {
    return this.#isAlive && this.#limits.equals(readOwnLimits());
  }

  /**
   * Makes it the keeper of that directory and gives it copies of the descriptors; planTaking() adds the calls that
   * receive them to the plan.
   */
  hand({
    id,
    directory,
    fds,
  }: {
    readonly id: string;
    readonly directory: Fd;
    readonly fds: readonly Fd[];
  }): StartedKeeper {
    moveSocket(this.#path, directory);
    const name = Buffer.alloc(nameBytes);
    name.write(id);
    for (const part of partsOf(fds)) sendUnixMessage(this.#channel.fd, name, { fds: part });
    this.#channel[Symbol.dispose]();
    this.#isHanded = true;
    this.#started.socket.ref();
    return this.#started;
  }

  /** The plan, after calls that receive the name and so many descriptors. */
  planTaking(plan: Plan, count: number): Plan {
    const before = plan.before.behind(planTaking(plan.blob, { count, nameAddress: this.#nameAddress }));
    return { ...plan, before };
  }

  [Symbol.dispose](): void {
    if (this.#isHanded) return;
    this.#started.socket.destroy();
    rmSync(this.#path, { force: true });
    this.#channel[Symbol.dispose]();
  }
}

/**
 * SAFETY: a keeper that has named itself is completely executed: its arguments stay where they are. False when it ends
 * before.
 */
async function untilNamed(pid: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < mostNamingMs; waitedMs += namingStepMs) {
    const found = findProcessStatistics(pid);
    if (found === undefined || found.state === "Z") return false;
    if (found.name === keeperName) return true;
    await sleep(namingStepMs);
  }
  return false;
}

/** Pure. */
export function planTaking(
  blob: PlanBlob,
  { count, nameAddress }: { readonly count: number; readonly nameAddress: bigint },
): PlanList {
  const list = new PlanList();
  const about = "receive what the keeper inherits";
  const piece = Buffer.alloc(16); // struct iovec
  piece.writeBigUInt64LE(nameAddress, 0);
  piece.writeBigUInt64LE(BigInt(nameBytes), 8);
  const pieceAddress = blob.addressOf(blob.put(piece));
  for (const part of partsOf(Array.from({ length: count }, (_, i) => i))) {
    const space = 16 + ((4 * part.length + 7) & ~7); // cmsg(3): CMSG_SPACE()
    const header = Buffer.alloc(56); // struct msghdr
    header.writeBigUInt64LE(pieceAddress, 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(blob.addressOf(blob.reserve(space)), 32);
    header.writeBigUInt64LE(BigInt(space), 40);
    list.add(about, "recvmsg", [firstInheritedFd, header, 0], { expect: nameBytes });
  }
  // SAFETY: they have the numbers of the plan: the next one is free, and the last one is not.
  list.add(about, "fcntl", [firstFd + count, F_GETFD], { expect: -errno.EBADF });
  if (count > 0) list.add(about, "fcntl", [firstFd + count - 1, F_GETFD]);
  return list;
}

/** At most as many in each part as a message carries. */
function partsOf(fds: readonly Fd[]): readonly (readonly Fd[])[] {
  const parts: (readonly Fd[])[] = [fds.slice(0, mostPassedFds)];
  for (let at = mostPassedFds; at < fds.length; at += mostPassedFds)
    parts.push(fds.slice(at, at + mostPassedFds));
  return parts;
}
