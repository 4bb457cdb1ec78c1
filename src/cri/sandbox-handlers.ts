import { Failure, sentenceOf } from "../base/failure.ts";
import { log } from "../base/log.ts";
import type { GrpcServer } from "../grpc/server.ts";
import type { CriObject } from "../engine/cri-engine.ts";
import type { CriSandboxSettings } from "../model/cri.ts";
import { type Message, type Reply, serverStream, unary } from "./codings.ts";
import { containersOf, type CriContext, getSandbox } from "./cri-context.ts";
import { podSandboxState } from "./map/enums.ts";
import { sandboxFilter } from "./map/filters.ts";
import { portsOf, sandboxSpec } from "./map/sandbox-spec.ts";
import { encodeSandbox, encodeSandboxStatus, nanoseconds, sandboxStateOf } from "./map/status.ts";
import type { PodNetworkRequest } from "./pod-network.ts";
import { ignoreAbsent } from "./ignore-absent.ts";
import { sendInParts } from "./send-in-parts.ts";
import { statusOf } from "./container-handlers.ts";

const service = "runtime.v1.RuntimeService";
type Sandbox = CriObject<CriSandboxSettings>;

/** SPEC: runtime.v1, the calls about pod sandboxes. */
export function serveSandboxes(server: GrpcServer, context: CriContext): void {
  unary(server, `${service}/RunPodSandbox`, async ({ config, runtime_handler: handler }, { signal }) => {
    if (config === null) throw new Failure("invalid", "cannot run the pod sandbox: it has no config");
    if (handler !== "")
      throw new Failure(
        "invalid",
        `cannot run the pod sandbox: no runtime handler is named "${handler.slice(0, 100)}"; only the default one exists`,
      );
    return { pod_sandbox_id: await run(context, config, signal) };
  });
  unary(server, `${service}/StopPodSandbox`, async ({ pod_sandbox_id: id }) => {
    const found = context.cri.findSandbox(id);
    if (found !== undefined) await ignoreAbsent(stop(context, found));
    return {};
  });
  unary(server, `${service}/RemovePodSandbox`, async ({ pod_sandbox_id: id }) => {
    const found = context.cri.findSandbox(id);
    if (found !== undefined) await ignoreAbsent(remove(context, found));
    return {};
  });
  unary(server, `${service}/PodSandboxStatus`, async ({ pod_sandbox_id: id, verbose }) => {
    const sandbox = getSandbox(context, id);
    return {
      status: await sandboxStatusOf(context, sandbox),
      containers_statuses: containersOf(context, sandbox.id).map((each) => statusOf(context, each)),
      timestamp: nanoseconds(Date.now()),
      info: verbose ? { info: JSON.stringify(await describe(context, sandbox)) } : {},
    };
  });
  unary(server, `${service}/ListPodSandbox`, async ({ filter }) => ({ items: list(context, filter) }));
  serverStream(server, `${service}/StreamPodSandboxes`, async ({ filter }, send, { signal }) => {
    const items = list(context, filter);
    await sendInParts(items, async (part) => await send({ pod_sandboxes: part }), signal);
  });
  // A kubelet changes the pod's cgroup itself; containers are changed one by one.
  unary(server, `${service}/UpdatePodSandboxResources`, async ({ pod_sandbox_id: id }) => {
    getSandbox(context, id);
    return {};
  });
}

/** The status, with addresses while the sandbox is ready. */
export async function sandboxStatusOf(
  context: CriContext,
  sandbox: Sandbox,
): Promise<Reply<"PodSandboxStatus">> {
  const hasAddresses =
    sandbox.settings.namespaces.network === "pod" && sandboxStateOf(sandbox) === podSandboxState.ready;
  return encodeSandboxStatus(sandbox, hasAddresses ? await context.network.addresses(sandbox) : []);
}

/** Removes sandboxes whose creation another daemon did not complete: no kubelet has received their ids. */
export async function removeIncompleteSandboxes(context: CriContext): Promise<void> {
  const { cri, network } = context;
  const isIncomplete = (sandbox: Sandbox): boolean =>
    sandbox.state.status === "created" ||
    (sandbox.state.status === "exited" && sandbox.state.startedAt === undefined) ||
    (sandboxStateOf(sandbox) === podSandboxState.ready && !network.isAttached(sandbox));
  for (const sandbox of cri.sandboxes().filter(isIncomplete)) {
    await ignoreAbsent(remove(context, sandbox)).catch((thrown: unknown) =>
      log("warning", `pod sandbox ${sandbox.id.slice(0, 12)} is left incomplete: ${sentenceOf(thrown)}`),
    );
  }
  await network.recover().catch((thrown: unknown) => log("warning", sentenceOf(thrown)));
}

async function run(
  context: CriContext,
  config: Message<"PodSandboxConfig">,
  signal: AbortSignal,
): Promise<string> {
  const { cri, network } = context;
  const spec = sandboxSpec(config, { network: await network.chooseNetwork() });
  const { id } = await cri.pods.create(spec);
  try {
    signal.throwIfAborted();
    await cri.pods.start(id);
    signal.throwIfAborted();
    if (spec.cri.namespaces.network === "pod")
      await network.attach({ ...networkRequest(context, getSandbox(context, id), portsOf(config)), signal });
    signal.throwIfAborted();
    return id;
  } catch (thrown) {
    const failed = cri.findSandbox(id);
    if (failed !== undefined) await remove(context, failed).catch(() => undefined);
    throw thrown;
  }
}

async function stop(context: CriContext, sandbox: Sandbox): Promise<void> {
  const { cri, network } = context;
  // SPEC: containers that run are ended without a grace period: a kubelet has stopped those that need one.
  const stopped = containersOf(context, sandbox.id).map(async ({ id }) => {
    await ignoreAbsent(cri.containers.stop(id, { graceMs: 0 }));
  });
  await Promise.all(stopped);
  if (sandbox.settings.namespaces.network === "pod")
    await network.detach(networkRequest(context, sandbox, []));
  await cri.pods.stop(sandbox.id, { graceMs: 0 });
}

async function remove(context: CriContext, sandbox: Sandbox): Promise<void> {
  await stop(context, sandbox);
  await context.cri.pods.remove(sandbox.id, { force: true });
}

function networkRequest(
  { cri }: CriContext,
  sandbox: Sandbox,
  ports: PodNetworkRequest["ports"],
): PodNetworkRequest {
  const pid = cri.findPid(sandbox.id);
  return { sandbox, ports, namespacePath: pid === undefined ? undefined : `/proc/${pid}/ns/net` };
}

function list(
  { cri }: CriContext,
  filter: Message<"PodSandboxFilter"> | null,
): readonly Reply<"PodSandbox">[] {
  return cri.sandboxes().filter(sandboxFilter(filter)).map(encodeSandbox);
}

async function describe({ cri }: CriContext, { id, spec }: Sandbox): Promise<unknown> {
  const { effective, files } = await cri.containers.inspect(id);
  return { pid: cri.findPid(id) ?? 0, hostname: effective.hostname, cgroup: effective.cgroup, files, spec };
}
