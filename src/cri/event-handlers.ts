import type { GrpcServer } from "../grpc/server.ts";
import type { EngineEvent } from "../model/engine.ts";
import { type Reply, serverStream } from "./codings.ts";
import { containersOf, type CriContext } from "./cri-context.ts";
import { statusOf } from "./container-handlers.ts";
import { containerEventType } from "./map/enums.ts";
import { sandboxStatusOf } from "./sandbox-handlers.ts";

const service = "runtime.v1.RuntimeService";

/** The engine's actions that are events of the CRI. */
const types: Readonly<Record<string, number>> = {
  create: containerEventType.created,
  start: containerEventType.started,
  die: containerEventType.stopped,
  destroy: containerEventType.deleted,
};

/** SPEC: runtime.v1, GetContainerEvents: changes of containers and sandboxes from now on, with the states after them. */
export function serveEvents(server: GrpcServer, context: CriContext): void {
  serverStream(server, `${service}/GetContainerEvents`, async (_, send, { signal }) => {
    for await (const event of context.cri.events({ signal })) {
      const message = await encodeEvent(context, event);
      if (message !== undefined) await send(message);
    }
  });
}

async function encodeEvent(
  context: CriContext,
  { action, actor, timeNs }: EngineEvent,
): Promise<Reply<"ContainerEventResponse"> | undefined> {
  const type = Object.hasOwn(types, action) ? types[action] : undefined;
  if (type === undefined) return undefined;
  const { cri } = context;
  const sandboxId = cri.findContainer(actor.id)?.spec.pod ?? actor.id;
  const sandbox = cri.findSandbox(sandboxId);
  return {
    container_id: actor.id,
    container_event_type: type,
    created_at: Number(timeNs),
    pod_sandbox_status: sandbox && (await sandboxStatusOf(context, sandbox)),
    containers_statuses: sandbox && containersOf(context, sandbox.id).map((each) => statusOf(context, each)),
  };
}
