import { parseDetachKeys } from "../../api/container/detach-keys.ts";
import type * as api from "../../api/types/exec.ts";
import type { ExecDetails, ExecSpec } from "../../model/execs.ts";

/** Body of `POST /containers/{id}/exec` → what the engine takes. */
export function execSpecOf(
  request: api.ExecCreateRequest,
  consoleSize: { readonly rows: number; readonly columns: number } | undefined,
): ExecSpec {
  return {
    command: request.Cmd ?? [],
    env: request.Env ?? [],
    terminal: request.Tty ?? false,
    attachStdin: request.AttachStdin ?? false,
    attachStdout: request.AttachStdout ?? false,
    attachStderr: request.AttachStderr ?? false,
    privileged: request.Privileged ?? false,
    user: request.User || undefined,
    workingDirectory: request.WorkingDir || undefined,
    detachKeys: request.DetachKeys || undefined,
    consoleSize,
  };
}

/** `GET /exec/{id}/json` */
export function execInspectOf({ id, containerId, spec, state }: ExecDetails): api.ExecInspect {
  const [entrypoint = "", ...rest] = spec.command;
  return {
    ID: id,
    Running: state.status === "running",
    ExitCode: state.status === "exited" ? state.code : null,
    ProcessConfig: {
      tty: spec.terminal ?? false,
      entrypoint,
      arguments: rest,
      privileged: spec.privileged ?? false,
      user: spec.user,
    },
    OpenStdin: spec.attachStdin ?? false,
    OpenStderr: spec.attachStderr ?? false,
    OpenStdout: spec.attachStdout ?? false,
    // SPEC: dockerd says so minutes after the end, just before it forgets the exec.
    CanRemove: false,
    ContainerID: containerId,
    // SPEC: bytes as JSON has them; the default keys are none.
    DetachKeys:
      spec.detachKeys === undefined ? "" : Buffer.from(parseDetachKeys(spec.detachKeys)).toString("base64"),
    // That of the ended process stays.
    Pid: ("pid" in state ? state.pid : undefined) ?? 0,
  };
}
