import type { Duplex } from "node:stream";
import { Failure } from "../base/failure.ts";
import type { GrpcServer } from "../grpc/server.ts";
import type { CriObject } from "../engine/cri-engine.ts";
import type { CriContainerSettings } from "../model/cri.ts";
import { unary } from "./codings.ts";
import { type CriContext, getContainer, getSandbox } from "./cri-context.ts";
import { execSync } from "./exec-sync.ts";
import { containerState, podSandboxState } from "./map/enums.ts";
import { containerStateOf, sandboxStateOf } from "./map/status.ts";
import type { RemoteResult, RemoteStreams } from "./streaming/remote-command.ts";
import { attachRemote, runRemote } from "./streams.ts";

const service = "runtime.v1.RuntimeService";

/** SPEC: runtime.v1, programs in containers and streams of them. */
export function serveExecs(server: GrpcServer, context: CriContext): void {
  unary(server, `${service}/ExecSync`, async ({ container_id: id, cmd, timeout }, { signal }) => {
    const { id: containerId } = getRunning(context, id);
    return await execSync(context.cri, { containerId, command: cmd, timeoutSeconds: timeout, signal });
  });
  unary(server, `${service}/Exec`, async ({ container_id: id, cmd, tty, stdin, stdout, stderr }) => {
    const { id: containerId } = getRunning(context, id);
    requireStreams({ tty, stdin, stdout, stderr });
    if (cmd.length === 0) throw new Failure("invalid", "cannot exec: the command is empty");
    const choice = { terminal: tty, stdin, stdout, stderr };
    const run = async (remote: RemoteStreams): Promise<RemoteResult> =>
      await runRemote(context.cri, { containerId, command: cmd, choice }, remote);
    return { url: context.streaming.register({ kind: "exec", choice, run }) };
  });
  unary(server, `${service}/Attach`, async ({ container_id: id, tty, stdin, stdout, stderr }) => {
    const { id: containerId } = getRunning(context, id);
    requireStreams({ tty, stdin, stdout, stderr });
    const choice = { terminal: tty, stdin, stdout, stderr };
    const run = async (remote: RemoteStreams): Promise<RemoteResult> =>
      await attachRemote(context.cri, { containerId, choice }, remote);
    return { url: context.streaming.register({ kind: "attach", choice, run }) };
  });
  unary(server, `${service}/PortForward`, async ({ pod_sandbox_id: id, port: ports }) => {
    const sandbox = getSandbox(context, id);
    if (sandboxStateOf(sandbox) !== podSandboxState.ready)
      throw new Failure("conflict", `cannot forward ports of pod sandbox "${sandbox.id}": it is not ready`);
    const connect = async (port: number, signal: AbortSignal): Promise<Duplex> =>
      await context.cri.connect(sandbox.id, port, { signal });
    return { url: context.streaming.register({ kind: "portforward", ports, connect }) };
  });
}

function getRunning(context: CriContext, id: string): CriObject<CriContainerSettings> {
  const container = getContainer(context, id);
  if (containerStateOf(container) === containerState.running) return container;
  throw new Failure("conflict", `cannot exec or attach in container "${container.id}": it is not running`);
}

/** SPEC: at least one stream; a terminal has no stderr of its own. */
function requireStreams({
  tty,
  stdin,
  stdout,
  stderr,
}: Readonly<Record<"tty" | "stdin" | "stdout" | "stderr", boolean>>): void {
  if (!stdin && !stdout && !stderr)
    throw new Failure("invalid", "cannot stream: one of stdin, stdout and stderr must be set");
  if (tty && stderr) throw new Failure("invalid", "cannot stream: tty and stderr cannot both be set");
}
