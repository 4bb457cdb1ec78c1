/** A keeper without a runtime before it: for sending it what no runtime would send. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { withDeadline } from "../../src/base/deadline.ts";
import { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { answer, encodeRequest, type Frame, FrameReader } from "../../src/runtime/keeper/frames.ts";
import { connectKeeper, listenIn } from "../../src/runtime/keeper/socket.ts";
import { encodeInstructions } from "../../src/linux/seccomp/internal/instruction.ts";
import { syscallNumber } from "../../src/linux/kernel/syscall.ts";
import { addSeccomp } from "../../src/runtime/plan/process.ts";
import { encodePlan } from "../../src/runtime/plan/encode.ts";
import { type Plan, PlanBlob, PlanList } from "../../src/runtime/plan/plan.ts";
import { slowness } from "./patience.ts";
import { keeperPath } from "./runtime.ts";
import { Scratch } from "./scratch.ts";

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class RawKeeper implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly ended: Promise<Ending>;
  readonly #directory: OwnedFd;
  readonly #sockets: Socket[] = [];
  /** The process that the plan created, once it was reported. */
  childPid: number | undefined;

  /** `scratch` may be shared: each keeper listens for itself only until its first connection. */
  constructor(scratch: Scratch) {
    this.#directory = new OwnedFd(openDirectoryPath(scratch.path).move());
    using listening = listenIn(this.#directory.fd);
    this.process = spawn(keeperPath, ["raw"], {
      cwd: "/",
      env: {},
      stdio: ["ignore", "ignore", "ignore", listening.fd],
    });
    this.ended = new Promise((resolve) => {
      this.process.once("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  async connect(): Promise<Socket> {
    const socket = await connectKeeper(this.#directory.fd);
    this.#sockets.push(socket);
    return socket;
  }

  /** Connects and sends bytes after the words "here comes a plan". */
  async send(bytes: Uint8Array): Promise<{ readonly socket: Socket; readonly reader: FrameReader }> {
    const socket = await this.connect();
    const reader = new FrameReader(socket);
    socket.write(Buffer.concat([encodeRequest("plan"), bytes]));
    return { socket, reader };
  }

  /** The next answer of this kind; those before it are passed over. Throws at the end of the connection. */
  async next(reader: FrameReader, kind: keyof typeof answer): Promise<Frame> {
    for (;;) {
      const frame = await withDeadline(5_000 * slowness, `get the answer "${kind}"`, () => reader.next());
      if (frame === undefined) throw new Error(`the keeper left before it answered "${kind}"`);
      if (frame.kind === answer.born) this.childPid = frame.payload.readInt32LE(0);
      if (frame.kind === answer[kind]) return frame;
    }
  }

  /** How it ended; fails when it takes longer. */
  end(withinMs = 3_000): Promise<Ending> {
    return withDeadline(withinMs, "see the keeper end", () => this.ended);
  }

  get childIsThere(): boolean {
    const state = this.childPid === undefined ? undefined : findProcessStatistics(this.childPid)?.state;
    return state !== undefined && state !== "Z";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.process.kill("SIGKILL");
    await this.ended;
    if (this.childPid !== undefined && this.childIsThere) process.kill(this.childPid, "SIGKILL");
    this.#directory[Symbol.dispose]();
  }
}

/** A plan whose lists contain what `fill` adds; keeps nothing by default. */
export function planOf(
  fill: (lists: { readonly before: PlanList; readonly child: PlanList; readonly blob: PlanBlob }) => void,
  options: Partial<Omit<Plan, "before" | "child" | "blob">> = {},
): Plan {
  const [before, child, blob] = [new PlanList(), new PlanList(), new PlanBlob()];
  fill({ before, child, blob });
  return {
    before,
    child,
    blob,
    cloneFlags: 0,
    streams: {},
    keep: true,
    terminal: false,
    closeStdin: false,
    dieWithCaller: false,
    deadlineMs: 5_000 * slowness,
    keptFds: [],
    ...options,
  };
}

/** Calls that change nothing, of every kind of argument. The child ends in a failure: nothing is executed. */
export function harmlessPlan(options: Parameters<typeof planOf>[1] = {}): Plan {
  return planOf(({ before, child, blob }) => {
    const kept = blob.reserve(8);
    const time = blob.reserve(16);
    for (const list of [before, child]) {
      const pid = list.add("know itself", "getpid", [], { store: kept });
      list.add("fail as expected", "close", [-1], { skip: { errors: [9], count: 1 } });
      list.add("be skipped", "close", [-1]);
      list.add("read the clock", "clock_gettime", [1, { addressOf: time }]);
      list.add("be anything", "close", [-1], { expect: "anything" });
      list.add("load", "close", [{ load: { offset: kept.offset + 4, bytes: 4 } }], { expect: "anything" });
      list.add("take a result", "clock_gettime", [pid, { addressOf: time }], { expect: "anything" });
    }
    const note = Buffer.alloc(16);
    note.writeUInt32LE(3, 0);
    child.add("report", "write", [3, note, note.length], { expect: note.length });
    child.add("end", "close", [-1]);
  }, options);
}

/**
 * As harmlessPlan(), under a filter that hands getppid over to the keeper, which evaluates it with this program.
 * Whatever the program answers, getppid changes nothing.
 */
export function tracedPlan(policy: Uint8Array, options: Parameters<typeof planOf>[1] = {}): Plan {
  let program = { offset: 0, bytes: 0 };
  const plan = planOf(({ child, blob }) => {
    const filter = encodeInstructions([
      { code: 0x20, jt: 0, jf: 0, k: 0 },
      { code: 0x15, jt: 0, jf: 1, k: syscallNumber("getppid") },
      { code: 0x06, jt: 0, jf: 0, k: 0x7fc0_0000 },
      { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 },
    ]);
    addSeccomp(child, blob, {
      program: filter,
      flags: NEW_LISTENER,
      traced: { policy, profile: filter },
    });
    for (let count = 0; count < 3; count++)
      child.add("be judged", "getppid", [count, "/", -1, 0x7000_0000], { expect: "anything" });
    child.add("end", "close", [-1]);
    program = blob.put(policy);
  }, options);
  return { ...plan, seccompPolicy: { program, recordFd: -1 } };
}

/** SECCOMP_FILTER_FLAG_NEW_LISTENER. */
const NEW_LISTENER = 8;

export const encodeHarmless = (options: Parameters<typeof planOf>[1] = {}): Buffer =>
  Buffer.from(encodePlan(harmlessPlan(options)));

/** A plan whose child executes a program of the host. */
export function programPlan(args: readonly string[], options: Parameters<typeof planOf>[1] = {}): Plan {
  return planOf(({ child, blob }) => {
    const argv = { addressOf: blob.textArray(args) };
    const environment = { addressOf: blob.textArray(["PATH=/usr/bin:/bin"]) };
    child.add("close what is not its own", "close_range", [4, 0xffffffff, 0]);
    child.add("execute", "execve", [args[0] ?? "", argv, environment]);
  }, options);
}
