import { Failure } from "../base/failure.ts";
import type { GrpcServer } from "../grpc/server.ts";
import { type Method, type Reply, unary } from "./codings.ts";
import type { CriContext } from "./cri-context.ts";
import { cgroupDriver } from "./map/enums.ts";

const service = "runtime.v1.RuntimeService";

/** SPEC: runtime.v1, the calls about the runtime itself, and those that are refused. */
export function serveRuntime(server: GrpcServer, context: CriContext): void {
  unary(server, `${service}/Version`, async () => ({
    // Of the kubelet's runtime API.
    version: "0.1.0",
    runtime_name: "tare",
    runtime_version: context.version,
    runtime_api_version: "v1",
  }));
  unary(server, `${service}/Status`, async ({ verbose }) => await statusOf(context, verbose));
  unary(server, `${service}/RuntimeConfig`, async () => ({
    linux: { cgroup_driver: cgroupDriver.cgroupfs },
  }));
  // The kubelet sends the pods' address range. The engine's bridge and CNI plugins choose addresses without it.
  unary(server, `${service}/UpdateRuntimeConfig`, async () => ({}));
  const refused: readonly (readonly [Method, string])[] = [
    [`${service}/CheckpointContainer`, "cannot checkpoint the container: checkpoints are not supported"],
    [`${service}/CheckpointPod`, "cannot checkpoint the pod: checkpoints are not supported"],
    [`${service}/RestorePod`, "cannot restore the pod: checkpoints are not supported"],
  ];
  for (const [method, sentence] of refused)
    unary(server, method, async () => {
      throw new Failure("unsupported", sentence);
    });
}

async function statusOf(
  { engine, network, version }: CriContext,
  isVerbose: boolean,
): Promise<Reply<"StatusResponse">> {
  const net = await network.status();
  return {
    status: {
      conditions: [
        { type: "RuntimeReady", status: true, reason: "", message: "" },
        { type: "NetworkReady", status: net.isReady, reason: net.reason, message: net.message },
      ],
    },
    runtime_handlers: [{ name: "", features: { recursive_read_only_mounts: true, user_namespaces: true } }],
    features: { supplemental_groups_policy: true, user_namespaces_host_network: false, mount_options: false },
    info: isVerbose ? { info: JSON.stringify({ version, engine: await engine.info() }) } : {},
  };
}
