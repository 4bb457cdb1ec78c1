import { arch, hostname } from "node:os";
import type { Sendable } from "../../grpc/codec.ts";
import { hostPlatform } from "../../spec/platform.ts";
import type { Messages } from "./messages.ts";

/** The daemon as a builder: there is one worker, which builds for the host's platform. */
export function workerRecord(version: string): Sendable<Messages["moby.buildkit.v1.types.WorkerRecord"]> {
  const { os, architecture, variant = "" } = hostPlatform();
  const prefix = "org.mobyproject.buildkit.worker";
  return {
    ID: `tare-${hostname()}-${arch()}`,
    Labels: {
      [`${prefix}.executor`]: "tare",
      [`${prefix}.hostname`]: hostname(),
      // Clients take from it that several platforms, archives and attestations can be exported.
      [`${prefix}.snapshotter`]: "tare",
    },
    platforms: [{ OS: os, Architecture: architecture, Variant: variant }],
    BuildkitVersion: buildkitVersion(version),
  };
}

/** The interface is BuildKit's of this version. */
export function buildkitVersion(
  version: string,
): Sendable<Messages["moby.buildkit.v1.types.BuildkitVersion"]> {
  return { package: "github.com/moby/buildkit", version: "v0.13.2", revision: `tare-${version}` };
}

/** SPEC: moby/buildkit, frontend/gateway/pb/caps.go. */
const frontendCapabilities = [
  "solve.base",
  "solve.inlinereturn",
  "resolveimage",
  "resolveimage.resolvemode",
  "readfile",
  "return",
  "returnmap",
  "readdir",
  "statfile",
  "importcaches",
  "proto.refarray",
  "reference.output",
  "frontend.inputs",
  "gateway.solve.metadata",
  "frontend.caps",
  "gateway.solve.evaluate",
  "gateway.evaluate",
  "gateway.warnings",
];

/** SPEC: moby/buildkit, solver/pb/caps.go: those that clients look at. */
const solverCapabilities = [
  "source.image",
  "source.image.resolvemode",
  "source.local",
  "source.local.sessionid",
  "source.local.includepatterns",
  "source.local.followpaths",
  "source.local.excludepatterns",
  "source.local.sharedkeyhint",
  "source.git",
  "source.http",
  "exec.meta.base",
  "exec.meta.network",
  "exec.meta.proxyenv",
  "exec.meta.ulimit",
  "exec.mount.bind",
  "exec.mount.cache",
  "exec.mount.cache.sharing",
  "exec.mount.selector",
  "exec.mount.tmpfs",
  "exec.mount.secret",
  "exec.mount.ssh",
  "file.base",
  "constraints",
  "platform",
  "meta.ignorecache",
  "meta.description",
  "exporter.sourcedateepoch",
  "exporter.multiple",
  "exporter.image.attestations",
  "exporter.image.annotations",
];

const enabled = (ID: string): Sendable<Messages["moby.buildkit.v1.apicaps.APICap"]> => ({
  ID,
  Enabled: true,
});

/** The answer to a client that begins its own front end. */
export function pong(version: string): Sendable<Messages["moby.buildkit.v1.frontend.PongResponse"]> {
  return {
    FrontendAPICaps: frontendCapabilities.map(enabled),
    LLBCaps: solverCapabilities.map(enabled),
    Workers: [workerRecord(version)],
  };
}
