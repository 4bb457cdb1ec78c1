import { mkdirSync } from "node:fs";
import { removeDirectory } from "../files/remove-directory.ts";
import { Failure, sentenceOf } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { resolveCapabilities } from "../../../linux/process/capability.ts";
import { requireDescriptors } from "../../../linux/process/descriptor-budget.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import type { StartedProcess } from "../../../runtime/types.ts";
import type { ExecRequest } from "../../dependencies.ts";
import { isWithoutDeviceList } from "../../resolve/cgroup-mode.ts";
import { cleanPath } from "../../resolve/clean-path.ts";
import { randomContainerId } from "../../resolve/container-name.ts";
import { mergeEnvironment, resolveEnvironment, withHome } from "../../resolve/environment.ts";
import { withSecrets } from "../../resolve/secrets.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { EngineEvent } from "../../../model/engine.ts";
import type { ExecSpec } from "../../../model/execs.ts";
import { type ContainerReference, type ExecId, parseExecId } from "../../../model/ids.ts";
import type { AttachedStream, TerminalSize } from "../../../model/streams.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import type { ExecSession } from "./exec-sessions.ts";
import { exitCodeOf } from "../exit-status.ts";
import { linkVariables } from "../../networks/links.ts";
import { getContainer } from "../../find-container.ts";
import { orClosing } from "../lifecycle/wait.ts";
import { failureTo, launchFailure } from "../lifecycle/launch-failure.ts";
import { DeferredDuplex } from "../streams/deferred-duplex.ts";
import type { LiveContainer } from "../live-container.ts";
import { findUser } from "../files/accounts.ts";
import { openClass } from "../resources/resource-class.ts";
import { readSecretVariables } from "../files/secrets.ts";
import { planRecord } from "../../plan-record.ts";
import { followDenials, chooseTracing, reportDenials } from "../resources/traced-calls.ts";

/** Registers a program to be run in a running container; returns the session's id. */
export function createExec(
  context: ContainerContext,
  reference: ContainerReference,
  spec: ExecSpec,
  { isCheck }: Pick<ExecSession, "isCheck"> = {},
): ExecId {
  const record = getContainer(context.state, reference);
  getLive(context, record);
  if (spec.command.length === 0) throw new Failure("invalid", "cannot exec: no exec command specified");
  const { workingDirectory = "" } = spec;
  if (workingDirectory !== "" && !workingDirectory.startsWith("/")) {
    throw new Failure(
      "invalid",
      `cannot exec: the working directory "${workingDirectory}" must be an absolute path`,
    );
  }
  mergeEnvironment(spec.env ?? [], []);
  const session = context.execs.add({
    id: parseExecId(randomContainerId()),
    containerId: record.id,
    spec,
    isCheck,
  });
  const action = execAction("exec_create", spec);
  emit(context, session, containerEvent(record, action, { execID: session.id }));
  return session.id;
}

/** SPEC: dockerd joins the program and its arguments, with a space even when there are none. */
function execAction(
  action: "exec_create" | "exec_start",
  { command: [program = "", ...words] }: ExecSpec,
): string {
  return `${action}: ${program} ${words.join(" ")}`;
}

/**
 * Runs it; once only ("conflict" otherwise). The stream is given unless `detach`. What could not be executed has ended
 * with the failure's details.exitCode.
 */
export async function startExec(
  context: ContainerContext,
  id: string,
  options: {
    readonly detach?: boolean | undefined;
    readonly consoleSize?: TerminalSize | undefined;
    readonly preserveFds?: ReadonlyMap<number, Fd> | undefined;
  } = {},
): Promise<AttachedStream | undefined> {
  const session = context.execs.get(id);
  const { descriptors } = context.dependencies;
  if (descriptors !== undefined) requireDescriptors("exec", descriptors);
  const duplex = options.detach === true ? undefined : new DeferredDuplex();
  const { kept } = await context.execs.start(session.containerId, () =>
    launch(context, session, {
      duplex,
      consoleSize: options.consoleSize,
      preserveFds: options.preserveFds ?? new Map(),
    }),
  );
  fault("exec.launched");
  session.kept = kept;
  session.state = { status: "running", pid: kept.pid };
  const record = context.state.findContainer(session.containerId);
  if (record !== undefined) followDenials(context, record, kept);
  void kept.exited.then(async (exit) => {
    fault("exec.exited");
    finish(context, session, { code: exit.keeperLost === true ? 137 : exitCodeOf(exit.end) });
    fault("exec.ended");
    await kept[Symbol.asyncDispose]();
    await removeDirectory(context.paths.exec(session.containerId, session)).catch(() => undefined);
  });
  if (duplex === undefined) return undefined;
  const recordDetach = (): void => {
    const now = context.state.findContainer(session.containerId);
    if (now === undefined || context.closing.aborted) return;
    context.state.events.record(containerEvent(now, "exec_detach", { execID: id }));
  };
  return { terminal: session.spec.terminal ?? false, duplex, recordDetach };
}

async function launch(
  context: ContainerContext,
  session: ExecSession,
  {
    duplex,
    consoleSize,
    preserveFds,
  }: {
    readonly duplex: DeferredDuplex | undefined;
    readonly consoleSize: TerminalSize | undefined;
    readonly preserveFds: ReadonlyMap<number, Fd>;
  },
): Promise<StartedProcess> {
  const { id } = session;
  if (session.state.status !== "created") {
    const before = session.state.status === "exited" ? "has already run" : "is already running";
    throw new Failure("conflict", `exec command ${id} ${before}`);
  }
  const record = getContainer(context.state, session.containerId);
  const live = getLive(context, record);
  session.state = { status: "starting" };
  const runDirectory = context.paths.exec(record.id, session);
  try {
    // Not the directory above it: a container that is being removed would get it back.
    mkdirSync(runDirectory, { mode: 0o700 });
    fault("exec.directory");
    const action = execAction("exec_start", session.spec);
    emit(context, session, containerEvent(record, action, { execID: id }));
    using rdtClass = openClass(record.spec);
    return await context.dependencies.runtime.exec({
      ...toExecInput(context, record, { session, live, consoleSize }),
      taskFds: rdtClass && [rdtClass.fd],
      preserveFds,
      runDirectory,
      whileSettingUp:
        duplex &&
        (async (kept) =>
          duplex.join(await kept.attach(streamsOf(session.spec)), {
            // A client asks for the exit code as soon as the streams end.
            endsAfter: orClosing(session.ended, context.closing),
          })),
    });
  } catch (failed) {
    const thrown = failureTo("execute in the container", failed);
    const { exitCode: code = 126 } = thrown.details;
    finish(context, session, { code, error: sentenceOf(thrown) });
    duplex?.destroy();
    // The reason of the failure is what the client has to read; what may be left goes with the container.
    await removeDirectory(runDirectory).catch(() => undefined);
    throw launchFailure(thrown, { exitCode: code });
  }
}

function finish(
  context: ContainerContext,
  session: ExecSession,
  { code, error }: { readonly code: number; readonly error?: string | undefined },
): void {
  const pid = session.state.status === "running" ? session.state.pid : undefined;
  session.state = { status: "exited", code, pid };
  delete session.kept;
  session.end({ code, oomKilled: false, error });
  const record = context.state.findContainer(session.containerId);
  if (record === undefined || context.closing.aborted) return;
  reportDenials(context, record);
  const attributes = { execID: session.id, exitCode: String(code) };
  emit(context, session, containerEvent(record, "exec_die", attributes));
}

/** Health checks come too often for the disk, and would displace all other events. */
function emit({ state: { events } }: ContainerContext, { isCheck }: ExecSession, event: EngineEvent): void {
  if (isCheck === true) events.emit(event);
  else events.record(event);
}

function toExecInput(
  context: ContainerContext,
  record: ContainerRecord,
  {
    session,
    live,
    consoleSize,
  }: {
    readonly session: ExecSession;
    readonly live: LiveContainer;
    readonly consoleSize: TerminalSize | undefined;
  },
): Omit<ExecRequest, "runDirectory" | "whileSettingUp"> {
  const { spec } = session;
  const plan = planRecord(context, record);
  using root = live.kept.openRoot();
  const user = findUser(root.fd, {
    user: spec.user === undefined || spec.user === "" ? plan.user : spec.user,
    groups: record.spec.process?.groupAdd ?? [],
    spec: record.spec,
    host: context.dependencies.host,
  });
  const terminal = spec.terminal ?? false;
  const own = mergeEnvironment(spec.env ?? [], [
    ...linkVariables(context, record, { skipsStopped: true }),
    ...plan.ownEnv,
  ]);
  const isBare = record.spec.process?.clearEnv === true;
  const privileged = spec.privileged ?? record.spec.isolation?.privileged ?? false;
  const all = privileged
    ? [...resolveCapabilities({ privileged, available: context.host.capabilities })]
    : [];
  const capabilities = privileged
    ? all.filter((name) => name !== "CAP_MKNOD" || !isWithoutDeviceList(record.spec))
    : plan.capabilities;
  const size = consoleSize ?? spec.consoleSize;
  const cwd =
    spec.workingDirectory === undefined || spec.workingDirectory === "" ? undefined : spec.workingDirectory;
  return {
    id: session.id,
    process: {
      terminal,
      consoleSize: size && { height: size.rows, width: size.columns },
      user: {
        uid: user.uid,
        gid: user.gid,
        additionalGids: user.additionalGids,
        umask: record.spec.process?.umask,
      },
      args: spec.command,
      env: withSecrets(
        withHome(resolveEnvironment(own, { hostname: plan.hostname, terminal, isBare }), user.home),
        readSecretVariables(context, plan),
      ),
      cwd: cwd === undefined ? plan.workingDirectory : cleanPath(cwd),
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: plan.rlimits,
      noNewPrivileges: record.spec.isolation?.noNewPrivileges ?? false,
      personality: record.spec.process?.personality,
      apparmorProfile:
        plan.appArmorProfile === undefined || (privileged && record.spec.isolation?.appArmor === undefined)
          ? undefined
          : plan.appArmorProfile,
      oomScoreAdj: record.spec.resources?.oomScoreAdj,
    },
    target: { pid: live.kept.pid, startTime: live.kept.startTime },
    seccomp: privileged ? undefined : context.seccomp.find(plan.seccomp),
    idMaps: record.idMaps,
    keepStdinOpen: spec.attachStdin ?? false,
    ...chooseTracing(context, record, session.id),
    cgroupName: record.spec.resources?.cgroups === "disabled" ? undefined : record.id,
  };
}

function streamsOf(spec: ExecSpec): { stdin: boolean; stdout: boolean; stderr: boolean } {
  return {
    stdin: spec.attachStdin ?? false,
    stdout: spec.attachStdout ?? false,
    stderr: spec.attachStderr ?? false,
  };
}

/** The run that goes on. Throws "conflict" when there is none. */
export function getLive(context: ContainerContext, record: ContainerRecord): LiveContainer {
  const live = context.live.get(record.id);
  if (live !== undefined && record.state.status === "running") return live;
  const { status } = record.state;
  const state = status === "paused" || status === "restarting" ? `is ${status}` : "is not running";
  throw new Failure("conflict", `cannot do that in container "${record.name}": it ${state}`, {
    details: { state: record.state.status, id: record.id },
  });
}
