import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { poll } from "../../base/deadline.ts";
import { codeOf, Failure } from "../../base/failure.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import {
  findProcess,
  findProcessStatistics,
  killProcessGroup,
  processStartTime,
  signalProcess,
  takeFd,
} from "../../linux/process/process.ts";
import { parseWaitStatus } from "../../spec/signal.ts";
import type { Exit, KeptProcess, ProcessEnd } from "../types.ts";
import { answer, encodeRequest, type Frame, type FrameReader, readFrame } from "./frames.ts";
import { connectKeeper } from "./socket.ts";

const SIGKILL = 9;
const SIGCONT = 18;
const terminalFlag = 2;
const attachFlag = { stdin: 1, stdout: 2, stderr: 4 } as const;
const rootSlot = 0;
/** Those behind the root and its lock. */
const firstHeldSlot = 2;
const slots = 8;

/** The content of ANSWER_RUNNING. */
export interface Running {
  readonly pid: number;
  readonly terminal: boolean;
  /** Of the monotonic clock. */
  readonly atMs: number;
  /** Where the keeper holds the root file system; −1: it does not. */
  readonly rootFd: Fd;
  /** The same for what it was given to hold besides. */
  readonly heldFds: readonly Fd[];
  readonly keeperPid: number;
}

export function decodeRunning(payload: Buffer): Running {
  return {
    pid: payload.readInt32LE(0),
    terminal: (payload.readUInt32LE(4) & terminalFlag) !== 0,
    atMs: Number(payload.readBigUInt64LE(8)) / 1e6,
    rootFd: payload.readInt32LE(16 + 4 * rootSlot),
    heldFds: Array.from({ length: slots - firstHeldSlot }, (_, i) =>
      payload.readInt32LE(16 + 4 * (firstHeldSlot + i)),
    ),
    keeperPid: payload.readInt32LE(48),
  };
}

/** The exit record that a keeper leaves: "code 3 MS" or "signal 9 MS". Undefined when there is none (yet). */
export function findExitRecord(runDirectory: string): Exit | undefined {
  let text: string;
  try {
    text = readFileSync(`${runDirectory}/exit`, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  const match = /^(code|signal) (\d{1,3}) (\d+)\n$/.exec(text);
  if (match === null)
    throw new Failure(
      "corrupt",
      `cannot read the exit record in "${runDirectory}": ${JSON.stringify(text.slice(0, 80))}`,
    );
  const number = Number(match[2]);
  return { end: match[1] === "code" ? { code: number } : { signal: number }, finishedAt: Number(match[3]) };
}

function decodeExit(payload: Buffer): Exit {
  const status = parseWaitStatus(payload.readInt32LE(4));
  const end: ProcessEnd =
    status.state === "exited"
      ? { code: status.code }
      : status.state === "signaled"
        ? { signal: status.signal }
        : { code: 255 };
  return { end, finishedAt: Number(payload.readBigUInt64LE(8)) };
}

/** A process behind a keeper's socket. The connection that it is created from reports its end. */
export class KeeperConnection implements KeptProcess {
  readonly pid: number;
  readonly keeperPid: number;
  readonly startTime: bigint;
  readonly terminal: boolean;
  readonly exited: Promise<Exit>;
  readonly #running: Running;
  readonly #directory: OwnedFd;
  readonly #runDirectory: string;
  readonly #watching: Socket;
  readonly #keeperStartTime: bigint;
  #disposed = false;
  #heardCall: (() => void) | undefined;

  /** Owns the directory descriptor and the connection from now on. */
  constructor(parts: {
    running: Running;
    directory: OwnedFd;
    runDirectory: string;
    socket: Socket;
    reader: FrameReader;
  }) {
    this.#running = parts.running;
    this.#directory = parts.directory;
    this.#runDirectory = parts.runDirectory;
    this.#watching = parts.socket;
    this.pid = parts.running.pid;
    this.keeperPid = parts.running.keeperPid;
    this.terminal = parts.running.terminal;
    this.startTime = startTimeOf(parts.running.pid);
    this.#keeperStartTime = startTimeOf(parts.running.keeperPid);
    this.exited = this.#watch(parts.reader);
  }

  async attach(options: {
    readonly stdin?: boolean | undefined;
    readonly stdout?: boolean | undefined;
    readonly stderr?: boolean | undefined;
  }): Promise<Duplex> {
    return attachTo(this.#directory.fd, options);
  }

  async resize(size: { readonly columns: number; readonly rows: number }): Promise<void> {
    const { frame } = await ask(this.#directory.fd, encodeRequest("resize", size.columns, size.rows));
    checkDone(frame, "resize the terminal");
  }

  signal(number: number): boolean {
    using pidfd = findProcess({ pid: this.pid, startTime: this.startTime });
    const isSent = pidfd !== undefined && signalProcess(pidfd.fd, number);
    // A stopped keeper would not notice the end.
    using keeper = findProcess({ pid: this.keeperPid, startTime: this.#keeperStartTime });
    if (keeper !== undefined) signalProcess(keeper.fd, SIGCONT);
    return isSent;
  }

  killGroup(): void {
    using pidfd = findProcess({ pid: this.pid, startTime: this.startTime });
    if (pidfd === undefined) return;
    killProcessGroup(pidfd.fd, this.pid);
    this.signal(SIGKILL);
  }

  openRoot(): OwnedFd {
    return this.#take(this.#running.rootFd, "open the root file system");
  }

  openHeld(index: number): OwnedFd {
    return this.#take(this.#running.heldFds[index] ?? -1, "take over a mount");
  }

  #take(fd: Fd, what: string): OwnedFd {
    if (fd < 0) throw new Failure("unsupported", `cannot ${what}: its keeper holds none`);
    using keeper = findProcess({ pid: this.#running.keeperPid, startTime: this.#keeperStartTime });
    if (keeper === undefined) throw new Failure("unavailable", `cannot ${what}: its keeper has gone`);
    return takeFd(keeper.fd, fd);
  }

  onTracedCall(listener: () => void): void {
    this.#heardCall = listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#watching.destroy();
    this.#directory[Symbol.dispose]();
  }

  async #watch(reader: FrameReader): Promise<Exit> {
    try {
      for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
        if (frame.kind === answer.exit) return decodeExit(frame.payload);
        if (frame.kind === answer.recorded) this.#heardCall?.();
      }
      // Disposed: the process keeps running, and this promise stays pending.
      if (this.#disposed) return await new Promise<never>(() => {});
      const recorded = findExitRecord(this.#runDirectory);
      if (recorded !== undefined) return recorded;
    } catch {
      // An answer or a record that cannot be read counts as none.
    }
    this.signal(9);
    await this.#ended();
    if (this.#disposed) return await new Promise<never>(() => {});
    return { end: { signal: 9 }, finishedAt: Date.now(), keeperLost: true };
  }

  /** Resolves when the killed process runs no more, at the latest after two seconds. */
  async #ended(): Promise<void> {
    const find = (): true | undefined => {
      const found = findProcessStatistics(this.pid);
      const runs = found !== undefined && found.startTime === this.startTime && found.state !== "Z";
      return runs ? undefined : true;
    };
    await poll(find, { timeoutMs: 2000, what: "see the process end" }).catch(() => undefined);
  }
}

function startTimeOf(pid: number): bigint {
  try {
    return processStartTime(pid);
  } catch {
    return 0n; // it has ended already: no process matches
  }
}

/** Attaches to the streams of a process, also before its first instruction. */
export async function attachTo(
  directory: Fd,
  options: {
    readonly stdin?: boolean | undefined;
    readonly stdout?: boolean | undefined;
    readonly stderr?: boolean | undefined;
  },
): Promise<Duplex> {
  const { stdin = false, stdout = true, stderr = true } = options;
  const flags =
    (stdin ? attachFlag.stdin : 0) | (stdout ? attachFlag.stdout : 0) | (stderr ? attachFlag.stderr : 0);
  const { socket, frame } = await ask(directory, encodeRequest("attach", flags), "keep");
  checkDone(frame, "attach to the streams");
  // After the last output, the keeper waits a moment for a client that may send more input.
  socket.once("end", () => socket.end());
  return socket;
}

async function ask(
  directory: Fd,
  request: Buffer,
  then: "keep" | "close" = "close",
): Promise<{ socket: Socket; frame: Frame }> {
  const socket = await connectKeeper(directory);
  socket.write(request);
  const frame = await readFrame(socket);
  if (frame === undefined || then === "close") socket.destroy();
  if (frame === undefined) throw new Failure("unavailable", "cannot talk to the keeper: it has gone");
  return { socket, frame };
}

function checkDone(frame: Frame, what: string): void {
  if (frame.kind === answer.done) return;
  const error = frame.kind === answer.refused ? frame.payload.readInt32LE(0) : 0;
  throw new Failure(
    error === 11 ? "exhausted" : "invalid",
    `cannot ${what}: ${error === 25 ? "it has no terminal" : error === 11 ? "too many clients are attached" : `the keeper refused (${error})`}`,
  );
}
