import { within } from "../base/failure.ts";
import { monotonicMs, readMonotonicShiftMs } from "../linux/kernel/clock.ts";
import { OwnedFd } from "../linux/kernel/fd.ts";
import { readNamespaces } from "../linux/namespaces/namespaces.ts";
import { openDirectoryPath } from "../linux/files/open.ts";
import { findProcess } from "../linux/process/process.ts";
import { Failure } from "../base/failure.ts";
import type { RuntimeNamespaceType } from "../spec/runtime-config.ts";
import { Inheritance } from "./keeper/inheritance.ts";
import { launch } from "./keeper/launch.ts";
import { hostUserOf, raisesOf } from "./child-setup.ts";
import { planExec } from "./plan/container.ts";
import { type Plan, PlanBlob } from "./plan/plan.ts";
import { planSeccompPolicy } from "./plan-seccomp-policy.ts";
import { prepareProcess } from "./prepare-process.ts";
import { inheritGroups, inheritPreserved } from "./inherited.ts";
import { isAnnounced, launchCallbacks } from "./launch-callbacks.ts";
import type { KeeperProgram } from "./keeper-program.ts";
import type { ExecOptions, StartedProcess } from "./types.ts";

/** Starts one more process in a running container, with a keeper of its own. Failures as startContainer(). */
export async function execInContainer(program: KeeperProgram, options: ExecOptions): Promise<StartedProcess> {
  const begunMs = monotonicMs();
  using target = findProcess(options.target);
  if (target === undefined)
    throw new Failure("conflict", "cannot execute in the container: it is not running");
  if (options.cgroup?.isFrozen() === true)
    throw new Failure("conflict", "cannot execute in the container: it is paused, unpause it first");
  const inheritance = new Inheritance(options.prewarmedKeeper);
  using opened = new DisposableStack();
  const blob = new PlanBlob();
  const groups = inheritGroups({ ...options, siblingPid: options.target.pid }, { inheritance, opened });
  const prepared = prepareProcess(options.process, {
    seccomp: options.seccomp,
    announce: isAnnounced(options),
    watch: options.watch,
    preserved: inheritPreserved(options.preserveFds, inheritance),
  });
  const joins = foreignNamespaces(options.target.pid);
  const lists = planExec(
    {
      target: inheritance.add(target.fd),
      joins,
      clockShiftMs: joins.includes("time") ? readMonotonicShiftMs(options.target.pid) : undefined,
      cgroupTasks: groups.cgroupTasks,
      otherTasks: groups.otherTasks,
      keeperTasks: groups.keeperTasks,
      limits: prepared.limits,
      process: prepared.planned,
      openStdin: options.keepStdinOpen === true,
      streamOwner: options.idMaps && hostUserOf(options.process, options.idMaps),
      raises: options.idMaps && raisesOf(prepared.limits),
    },
    blob,
  );
  using directory = openDirectoryPath(options.runDirectory);
  const plan: Plan = {
    before: lists.before,
    child: lists.child,
    blob,
    cloneFlags: lists.cloneFlags,
    cgroupFd: groups.cgroupFd,
    streams: lists.streams,
    keep: true,
    terminal: options.process.terminal === true,
    closeStdin: true,
    dieWithCaller: false,
    deadlineMs: options.setupDeadlineMs ?? 30_000,
    exitDirectoryFd: inheritance.add(directory.fd),
    ...planSeccompPolicy(prepared.planned, { watch: options.watch, blob, inheritance, opened }),
    keptFds: [],
  };
  const preparedMs = monotonicMs();
  try {
    const { kept, timing } = await launch({
      program,
      prewarmedKeeper: options.prewarmedKeeper,
      id: options.id,
      plan,
      clock: lists.clock,
      inheritance,
      directory: new OwnedFd(directory.move()),
      runDirectory: options.runDirectory,
      onInherited: () => opened.dispose(),
      ...launchCallbacks(options),
    });
    return {
      kept,
      timing: [{ name: "prepare", ms: preparedMs - begunMs }, ...timing],
      warnings: prepared.warnings,
    };
  } catch (thrown) {
    throw within("cannot execute in the container", thrown);
  }
}

/** The namespaces that the process does not share with the engine: only those are joined. */
function foreignNamespaces(pid: number): RuntimeNamespaceType[] {
  const theirs = readNamespaces(pid);
  const ours = readNamespaces("self");
  const types: readonly RuntimeNamespaceType[] = [
    "mount",
    "uts",
    "ipc",
    "pid",
    "network",
    "cgroup",
    "user",
    "time",
  ];
  return types.filter((type) => theirs[type] !== undefined && theirs[type] !== ours[type]);
}
