import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { withDeadline } from "../../base/deadline.ts";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { call } from "../../linux/kernel/syscall.ts";
import { type Plan, PlanList } from "../plan/plan.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import { describeFailure } from "./describe-failure.ts";
import { answer, FrameReader } from "./frames.ts";
import { Inheritance } from "./inheritance.ts";
import { sendPlan } from "./send-plan.ts";
import { startKeeper } from "./start-keeper.ts";

const deadlineMs = 30_000;
/** How long an end may take. */
const endMs = 2_000;
const prefix = "helper-";

/** A task for a short-lived process that belongs to no container. */
export interface HelperProcess {
  /** The keeper's name in process lists. */
  readonly name: string;
  /** Where the keeper gets a directory of its own, for as long as it lives. */
  readonly runRoot: string;
  /** Given that directory. */
  readonly plan: (directory: string) => Pick<Plan, "child" | "blob" | "cloneFlags">;
  readonly inheritance?: Inheritance | undefined;
  /** The barrier at which the process has done it, and waits. */
  readonly barrier: number;
}

/** The process at its barrier: it exists, and its pid cannot be reused, as long as it waits there. */
export interface Waiting {
  readonly pid: number;
  readonly pidfd: Fd;
  /** The value that it stored for the barrier. */
  readonly value: number;
}

/** Runs a helper process; `take` reads the result from it. The process has ended when this returns or throws. */
export async function runHelperProcess<Result>(
  program: KeeperProgram,
  helperProcess: HelperProcess,
  take: (waiting: Waiting) => Result,
): Promise<Result> {
  const path = mkdtempSync(join(helperProcess.runRoot, `${prefix}${helperProcess.name}-`));
  try {
    return await runIn(path, { program, helperProcess, take });
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Removes the directories of helper processes that a killed engine has left; the processes ended with the engine. */
export function removeOldHelperProcesses(runRoot: string): void {
  for (const name of readdirSync(runRoot)) {
    if (name.startsWith(prefix)) rmSync(join(runRoot, name), { recursive: true, force: true });
  }
}

async function runIn<Result>(
  path: string,
  {
    program,
    helperProcess,
    take,
  }: {
    readonly program: KeeperProgram;
    readonly helperProcess: HelperProcess;
    readonly take: (waiting: Waiting) => Result;
  },
): Promise<Result> {
  using directory = openDirectoryPath(path);
  const { socket, spawnFailure } = await startKeeper({
    program,
    id: helperProcess.name,
    directory,
    inheritance: helperProcess.inheritance ?? new Inheritance(),
    onInherited: () => {},
  });
  const reader = new FrameReader(socket);
  try {
    const plan: Plan = {
      ...helperProcess.plan(path),
      before: new PlanList(),
      streams: {},
      keep: false,
      terminal: false,
      closeStdin: false,
      dieWithCaller: true,
      deadlineMs,
      keptFds: [],
    };
    sendPlan(socket, plan);
    fault("helper.sent");
    const { pid, value } = await spawnFailure.unless(
      untilBarrier(plan, { reader, barrier: helperProcess.barrier }),
    );
    fault("helper.waiting");
    using pidfd = new OwnedFd(call("pidfd_open", pid, 0));
    const taken = take({ pid, pidfd: pidfd.fd, value });
    fault("helper.taken");
    return taken;
  } finally {
    // The keeper ends, and its process with it: what they held, an upper directory for one, is free when this returns.
    socket.end();
    await withDeadline(endMs, "see the keeper end", () => drain(reader)).catch(() => undefined);
    socket.destroy();
  }
}

async function drain(reader: FrameReader): Promise<void> {
  while ((await reader.next()) !== undefined);
}

async function untilBarrier(
  plan: Plan,
  { reader, barrier }: { readonly reader: FrameReader; readonly barrier: number },
): Promise<{ readonly pid: number; readonly value: number }> {
  let pid = 0;
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
    const { kind, payload } = frame;
    if (kind === answer.born) pid = payload.readInt32LE(0);
    else if (kind === answer.failed) throw describeFailure(plan, payload);
    else if (kind === answer.barrier && payload.readUInt32LE(4) === barrier && pid > 0)
      return { pid, value: Number(payload.readBigInt64LE(8)) };
    else break;
  }
  throw new Failure("unavailable", "its process ended");
}
