import { isKeyOf } from "../../base/keys.ts";
import type { Failure } from "../../base/failure.ts";
import type { Operation, Resource } from "../../api/http/routes.ts";
import type { Handler, Handlers } from "../handler.ts";

/** Loaded when first asked for: an idle daemon holds only what was used. */
const loaders: Readonly<Record<Resource, () => Promise<Handlers>>> = {
  builds: async () => (await import("../handlers/builds.ts")).handlers,
  containers: async () => (await import("../handlers/containers.ts")).handlers,
  exec: async () => (await import("../handlers/exec.ts")).handlers,
  images: async () => (await import("../handlers/images.ts")).handlers,
  system: async () => (await import("../handlers/system.ts")).handlers,
  events: async () => (await import("../handlers/events.ts")).handlers,
  manifests: async () => (await import("../handlers/manifests.ts")).handlers,
  networks: async () => (await import("../handlers/networks.ts")).handlers,
  pods: async () => (await import("../handlers/pods.ts")).handlers,
  volumes: async () => (await import("../handlers/volumes.ts")).handlers,
  secrets: async () => (await import("../handlers/secrets.ts")).handlers,
  swarm: async () => (await import("../handlers/swarm.ts")).handlers,
  buildkit: async () => (await import("../handlers/buildkit.ts")).handlers,
  tare: async () => (await import("../handlers/tare.ts")).handlers,
  absent: async () => ({}),
};

/** The handler of an operation; undefined for those we do not have yet. */
export async function findHandler(operation: Operation): Promise<Handler | undefined> {
  const resource = operation.slice(0, operation.indexOf("."));
  const handlers = isKeyOf(loaders, resource) ? await loaders[resource]() : {};
  return handlers[operation];
}

/** Whether this failure ends a request that its client canceled: then no client waits for the reply. */
export function isGivenUp(failure: Failure, signal: AbortSignal): boolean {
  return signal.aborted && failure.kind === "canceled";
}
