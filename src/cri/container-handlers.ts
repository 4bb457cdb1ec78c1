import { readFile } from "node:fs/promises";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { GrpcServer } from "../grpc/server.ts";
import type { CriObject } from "../engine/cri-engine.ts";
import type { CriContainerSettings } from "../model/cri.ts";
import { type Message, type Reply, serverStream, unary } from "./codings.ts";
import { type CriContext, getContainer, getSandbox } from "./cri-context.ts";
import { containerSpec, seccompChoiceOf } from "./map/container-spec.ts";
import { podSandboxState } from "./map/enums.ts";
import { containerFilter } from "./map/filters.ts";
import { limitsOf } from "./map/resources.ts";
import { encodeContainer, encodeContainerStatus, sandboxStateOf } from "./map/status.ts";
import { ignoreAbsent } from "./ignore-absent.ts";
import { sendInParts } from "./send-in-parts.ts";

const service = "runtime.v1.RuntimeService";
const secondInMs = 1000;
const mostProfileBytes = 1024 * 1024;

/** SPEC: runtime.v1, the calls about containers. */
export function serveContainers(server: GrpcServer, context: CriContext): void {
  const { cri } = context;
  unary(server, `${service}/CreateContainer`, async ({ pod_sandbox_id: id, config }) => {
    const sandbox = getSandbox(context, id);
    if (config === null) throw new Failure("invalid", "cannot create the container: it has no config");
    requireReady(sandbox.id, sandboxStateOf(sandbox));
    const choice = seccompChoiceOf(config);
    const seccompProfile = typeof choice === "string" ? undefined : await readProfile(choice.file);
    const created = await cri.containers.create(containerSpec(config, { sandbox, seccompProfile }));
    return { container_id: created.id };
  });
  unary(server, `${service}/StartContainer`, async ({ container_id: id }) => {
    const container = getContainer(context, id);
    if (container.state.status !== "created")
      throw new Failure(
        "conflict",
        `cannot start container "${container.id}": it is ${container.state.status}, and starts only once`,
      );
    const sandbox = getSandbox(context, container.spec.pod ?? "");
    requireReady(sandbox.id, sandboxStateOf(sandbox));
    cri.createLog(container.id);
    await cri.containers.start(container.id);
    return {};
  });
  unary(server, `${service}/StopContainer`, async ({ container_id: id, timeout }) => {
    const found = cri.findContainer(id);
    if (found !== undefined)
      await ignoreAbsent(cri.containers.stop(found.id, { graceMs: Math.max(0, timeout) * secondInMs }));
    return {};
  });
  unary(server, `${service}/RemoveContainer`, async ({ container_id: id }) => {
    const found = cri.findContainer(id);
    if (found !== undefined)
      await ignoreAbsent(cri.containers.remove(found.id, { force: true, volumes: true }));
    return {};
  });
  unary(server, `${service}/ListContainers`, async ({ filter }) => ({ containers: list(context, filter) }));
  serverStream(server, `${service}/StreamContainers`, async ({ filter }, send, { signal }) => {
    const items = list(context, filter);
    await sendInParts(items, async (part) => await send({ containers: part }), signal);
  });
  unary(server, `${service}/ContainerStatus`, async ({ container_id: id, verbose }) => {
    const container = getContainer(context, id);
    // A kubelet reads the last lines of a container that has ended.
    if (container.state.status === "exited") await cri.settleLog(container.id);
    return {
      status: statusOf(context, container),
      info: verbose ? { info: JSON.stringify(await describe(context, container)) } : {},
    };
  });
  unary(server, `${service}/UpdateContainerResources`, async ({ container_id: id, linux }) => {
    const container = getContainer(context, id);
    if (linux === null)
      throw new Failure("invalid", "cannot update the container: it has no Linux resources");
    await cri.containers.update(container.id, limitsOf(linux));
    return {};
  });
  unary(server, `${service}/ReopenContainerLog`, async ({ container_id: id }) => {
    cri.reopenLog(getContainer(context, id).id);
    return {};
  });
}

/** The status of a container as recorded; the user is known while it runs. */
export function statusOf(
  { cri }: CriContext,
  container: CriObject<CriContainerSettings>,
): Reply<"ContainerStatus"> {
  return encodeContainerStatus(container, {
    imageReference: cri.imageReferenceOf(container.imageId),
    user: cri.findUser(container.id),
  });
}

function requireReady(id: string, state: number): void {
  if (state === podSandboxState.ready) return;
  throw new Failure("conflict", `cannot use pod sandbox "${id}": it is not ready`);
}

/** SAFETY: the path is the kubelet's, which has the rights of root here. */
async function readProfile(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new Failure(
      "invalid",
      `cannot read the seccomp profile "${path.slice(0, 300)}": ${sentenceOf(cause)}`,
      {
        cause,
      },
    );
  }
  if (bytes.length <= mostProfileBytes) return bytes.toString();
  throw new Failure("invalid", `cannot use the seccomp profile "${path.slice(0, 300)}": it is too long`);
}

function list({ cri }: CriContext, filter: Message<"ContainerFilter"> | null): readonly Reply<"Container">[] {
  return cri.list().filter(containerFilter(filter)).map(encodeContainer);
}

async function describe({ cri }: CriContext, { id }: CriObject): Promise<unknown> {
  const { effective, files, process, spec, storage } = await cri.containers.inspect(id);
  return { pid: cri.findPid(id) ?? 0, sandboxID: spec.pod, process, effective, files, storage, spec };
}
