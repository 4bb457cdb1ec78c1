import type { ContainerState } from "../../model/container-state.ts";
import type { CriObject, CriUser } from "../../engine/cri-engine.ts";
import type { CriContainerSettings, CriNamespaces, CriSandboxSettings } from "../../model/cri.ts";
import type { IdRange } from "../../spec/id-map.ts";
import type { Reply } from "../codings.ts";
import { containerState, namespaceModes, podSandboxState, signalValue } from "./enums.ts";
import { encodeMount } from "./mounts.ts";
import { encodeResources } from "./resources.ts";

type Sandbox = CriObject<CriSandboxSettings>;
type Container = CriObject<CriContainerSettings>;

const msInNs = 1_000_000;

/** The kubelet's time: nanoseconds since 1970. */
export function nanoseconds(ms: number): number {
  return ms * msInNs;
}

export function sandboxStateOf({ state }: Pick<Sandbox, "state">): number {
  return state.status === "running" || state.status === "paused"
    ? podSandboxState.ready
    : podSandboxState.notReady;
}

export function containerStateOf({ state }: Pick<Container, "state">): number {
  switch (state.status) {
    case "created":
      return containerState.created;
    case "running":
    case "paused":
      return containerState.running;
    case "exited":
    case "restarting":
      return containerState.exited;
    case "removing":
    case "dead":
      return containerState.unknown;
    default:
      return state satisfies never;
  }
}

export function encodeSandbox(sandbox: Sandbox): Reply<"PodSandbox"> {
  return {
    id: sandbox.id,
    metadata: sandboxMetadata(sandbox),
    state: sandboxStateOf(sandbox),
    created_at: nanoseconds(sandbox.createdAt),
    labels: sandbox.spec.labels ?? {},
    annotations: sandbox.spec.annotations ?? {},
    runtime_handler: "",
  };
}

/** `addresses`: of the pod, the first one is its main address; none with the host's network. */
export function encodeSandboxStatus(
  sandbox: Sandbox,
  addresses: readonly string[],
): Reply<"PodSandboxStatus"> {
  const [ip = "", ...additional] = addresses;
  return {
    ...encodeSandbox(sandbox),
    network: { ip, additional_ips: additional.map((each) => ({ ip: each })) },
    linux: { namespaces: { options: encodeNamespaces(sandbox.settings.namespaces) } },
  };
}

export function sandboxMetadata({ settings }: Sandbox): Reply<"PodSandboxMetadata"> {
  const { name, uid, namespace, attempt } = settings;
  return { name, uid, namespace, attempt };
}

export function encodeContainer(container: Container): Reply<"Container"> {
  return {
    id: container.id,
    pod_sandbox_id: container.spec.pod ?? "",
    metadata: containerMetadata(container),
    image: imageNameOf(container),
    image_ref: container.imageId,
    image_id: container.imageId,
    state: containerStateOf(container),
    created_at: nanoseconds(container.createdAt),
    labels: container.spec.labels ?? {},
    annotations: container.spec.annotations ?? {},
  };
}

/** `imageReference`: `name@digest` of the image, or its id. */
export function encodeContainerStatus(
  container: Container,
  { imageReference, user }: { readonly imageReference: string; readonly user: CriUser | undefined },
): Reply<"ContainerStatus"> {
  const { state, spec, settings } = container;
  const end = endOf(state);
  return {
    id: container.id,
    metadata: containerMetadata(container),
    state: containerStateOf(container),
    created_at: nanoseconds(container.createdAt),
    started_at: nanoseconds(startedAtOf(state) ?? 0),
    finished_at: nanoseconds(end?.finishedAt ?? 0),
    exit_code: end?.code ?? 0,
    reason: end === undefined ? "" : reasonOf(end),
    message: end?.error ?? "",
    image: imageNameOf(container),
    image_ref: imageReference,
    image_id: container.imageId,
    labels: spec.labels ?? {},
    annotations: spec.annotations ?? {},
    mounts: settings.mounts.map(encodeMount),
    log_path: settings.logFile,
    resources: {
      linux: encodeResources({ limits: spec.resources?.limits, oomScoreAdj: spec.resources?.oomScoreAdj }),
    },
    user:
      user === undefined
        ? undefined
        : { linux: { uid: user.uid, gid: user.gid, supplemental_groups: user.additionalGids } },
    stop_signal: signalValue(spec.lifecycle?.stopSignal ?? ""),
  };
}

export function containerMetadata({ settings }: Container): Reply<"ContainerMetadata"> {
  return { name: settings.name, attempt: settings.attempt };
}

function imageNameOf({ settings }: Container): Reply<"ImageSpec"> {
  const { image, userSpecifiedImage, annotations } = settings.image;
  return { image, user_specified_image: userSpecifiedImage, annotations };
}

type Ended = Extract<ContainerState, { status: "exited" | "restarting" }>;

function endOf(state: ContainerState): Ended | undefined {
  return state.status === "exited" || state.status === "restarting" ? state : undefined;
}

function startedAtOf(state: ContainerState): number | undefined {
  return "startedAt" in state ? state.startedAt : undefined;
}

/** The words that kubelets show. */
function reasonOf({ code, oomKilled, startedAt }: Ended): string {
  if (startedAt === undefined) return "StartError";
  if (oomKilled) return "OOMKilled";
  return code === 0 ? "Completed" : "Error";
}

function encodeNamespaces({ network, pid, ipc, targetId, user }: CriNamespaces): Reply<"NamespaceOption"> {
  return {
    network: namespaceModes.indexOf(network),
    pid: namespaceModes.indexOf(pid),
    ipc: namespaceModes.indexOf(ipc),
    target_id: targetId ?? "",
    userns_options:
      user === undefined
        ? undefined
        : {
            mode: namespaceModes.indexOf("pod"),
            uids: user.uids.map(encodeRange),
            gids: user.gids.map(encodeRange),
          },
  };
}

function encodeRange({ hostID, containerID, size }: IdRange): Reply<"IDMapping"> {
  return { host_id: hostID, container_id: containerID, length: size };
}
