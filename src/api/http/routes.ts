import type { ApiVersion } from "./version.ts";

/** How a query parameter is read; `true` and `all` are what an absent one means. */
export type ParameterKind = "boolean" | "boolean=true" | "integer" | "text" | "texts" | "filters";

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  /** `{id}` is one part of the path, `{name...}` any number of them. */
  readonly path: string;
  readonly operation: Operation;
  readonly query?: Readonly<Record<string, ParameterKind>> | undefined;
  /** First version that has it; absent: all. */
  readonly since?: ApiVersion | undefined;
  /** First version that has a parameter, where it is not the route's own; before it is ignored. */
  readonly querySince?: Readonly<Record<string, ApiVersion>> | undefined;
  /** Last version that has a parameter. */
  readonly queryUntil?: Readonly<Record<string, ApiVersion>> | undefined;
  /** "json": read whole, at most 16 MiB; "stream": given to the handler. */
  readonly body?: "json" | "stream" | undefined;
  /** The connection may be taken over. */
  readonly hijack?: true | undefined;
}

/** `resource.verb`; the resource names the file of handlers. */
export type Operation = `${Resource}.${string}`;
export type Resource =
  | "containers"
  | "exec"
  | "images"
  | "system"
  | "builds"
  | "events"
  | "manifests"
  | "networks"
  | "pods"
  | "volumes"
  | "secrets"
  | "swarm"
  | "buildkit"
  | "tare"
  | "absent";

const attachParameters = {
  detachKeys: "text",
  logs: "boolean",
  stream: "boolean",
  stdin: "boolean",
  stdout: "boolean",
  stderr: "boolean",
} as const;

/** All routes of the daemon. "absent" operations are Docker's that Tare does not support yet: their response is 501. */
export const routes: readonly Route[] = [
  { method: "HEAD", path: "/_ping", operation: "system.ping" },
  { method: "GET", path: "/_ping", operation: "system.ping" },
  { method: "OPTIONS", path: "/", operation: "system.options" },
  { method: "OPTIONS", path: "/{path...}", operation: "system.options" },
  { method: "GET", path: "/version", operation: "system.version" },
  { method: "GET", path: "/info", operation: "system.info" },
  {
    method: "GET",
    path: "/system/df",
    operation: "system.diskUsage",
    query: { type: "texts", verbose: "boolean" },
    querySince: { type: 1042, verbose: 1052 },
  },
  {
    method: "POST",
    path: "/build",
    operation: "builds.build",
    query: {
      dockerfile: "text",
      t: "texts",
      remote: "text",
      q: "boolean",
      nocache: "boolean",
      pull: "text",
      rm: "boolean=true",
      forcerm: "boolean",
      memory: "integer",
      memswap: "integer",
      cpushares: "integer",
      cpusetcpus: "text",
      cpusetmems: "text",
      cpuperiod: "integer",
      cpuquota: "integer",
      shmsize: "integer",
      ulimits: "text",
      cgroupparent: "text",
      buildargs: "text",
      labels: "text",
      networkmode: "text",
      extrahosts: "text",
      target: "text",
      platform: "text",
      squash: "boolean",
      cachefrom: "text",
      version: "text",
      outputs: "text",
      buildid: "text",
    },
    body: "stream",
  },
  {
    method: "POST",
    path: "/build/prune",
    operation: "builds.prune",
    query: {
      "keep-storage": "integer",
      "reserved-space": "integer",
      "max-used-space": "integer",
      "min-free-space": "integer",
      all: "boolean",
      filters: "filters",
    },
    since: 1031,
  },
  {
    method: "GET",
    path: "/events",
    operation: "events.stream",
    query: { since: "text", until: "text", filters: "filters" },
  },
  {
    method: "GET",
    path: "/containers/json",
    operation: "containers.list",
    query: {
      all: "boolean",
      limit: "integer",
      size: "boolean",
      filters: "filters",
      since: "text",
      before: "text",
    },
  },
  {
    method: "POST",
    path: "/containers/create",
    operation: "containers.create",
    query: {
      name: "text",
      platform: "text",
      // Tare's own, of its client: see src/daemon/handlers/run-container.ts.
      run: "boolean",
      until: "text",
      stdin: "boolean",
      stdout: "boolean",
      stderr: "boolean",
    },
    querySince: { platform: 1041 },
    body: "json",
    hijack: true,
  },
  {
    method: "POST",
    path: "/containers/prune",
    operation: "containers.prune",
    query: { filters: "filters" },
    since: 1025,
  },
  {
    method: "GET",
    path: "/containers/{id...}/json",
    operation: "containers.inspect",
    query: { size: "boolean" },
  },
  {
    method: "GET",
    path: "/containers/{id...}/logs",
    operation: "containers.logs",
    query: {
      follow: "boolean",
      stdout: "boolean",
      stderr: "boolean",
      since: "text",
      until: "text",
      timestamps: "boolean",
      details: "boolean",
      tail: "text",
    },
  },
  {
    method: "POST",
    path: "/containers/{id...}/resize",
    operation: "containers.resize",
    query: { h: "text", w: "text" },
  },
  {
    method: "POST",
    path: "/containers/{id...}/start",
    operation: "containers.start",
    query: {
      detachKeys: "text",
      checkpoint: "text",
      "checkpoint-dir": "text",
      descriptors: "text",
      // Tare's own, of its client: see containers.start in src/daemon/handlers/containers.ts.
      attached: "boolean",
      until: "text",
    },
  },
  {
    method: "POST",
    path: "/containers/{id...}/stop",
    operation: "containers.stop",
    query: { signal: "text", t: "integer" },
    querySince: { signal: 1042 },
  },
  {
    method: "POST",
    path: "/containers/{id...}/restart",
    operation: "containers.restart",
    query: { signal: "text", t: "integer" },
    querySince: { signal: 1042 },
  },
  {
    method: "POST",
    path: "/containers/{id...}/kill",
    operation: "containers.kill",
    query: { signal: "text" },
  },
  { method: "GET", path: "/containers/{id...}/top", operation: "containers.top", query: { ps_args: "text" } },
  {
    method: "GET",
    path: "/containers/{id...}/stats",
    operation: "containers.stats",
    query: { stream: "boolean=true", "one-shot": "boolean" },
    querySince: { "one-shot": 1041 },
  },
  { method: "POST", path: "/containers/{id...}/update", operation: "containers.update", body: "json" },
  { method: "POST", path: "/containers/{id...}/pause", operation: "containers.pause" },
  { method: "POST", path: "/containers/{id...}/unpause", operation: "containers.unpause" },
  {
    method: "POST",
    path: "/containers/{id...}/rename",
    operation: "containers.rename",
    query: { name: "text" },
  },
  { method: "GET", path: "/containers/{id...}/changes", operation: "containers.changes" },
  { method: "GET", path: "/containers/{id...}/export", operation: "containers.export" },
  {
    method: "POST",
    path: "/commit",
    operation: "containers.commit",
    query: {
      container: "text",
      repo: "text",
      tag: "text",
      comment: "text",
      author: "text",
      pause: "boolean=true",
      changes: "texts",
    },
    body: "json",
  },
  {
    method: "HEAD",
    path: "/containers/{id...}/archive",
    operation: "containers.statPath",
    query: { path: "text" },
  },
  {
    method: "GET",
    path: "/containers/{id...}/archive",
    operation: "containers.copyFrom",
    query: { path: "text" },
  },
  {
    method: "PUT",
    path: "/containers/{id...}/archive",
    operation: "containers.copyInto",
    query: { path: "text", noOverwriteDirNonDir: "boolean", copyUIDGID: "boolean" },
    body: "stream",
  },
  {
    method: "POST",
    path: "/containers/{id...}/attach",
    operation: "containers.attach",
    query: attachParameters,
    hijack: true,
  },
  {
    method: "GET",
    path: "/containers/{id...}/attach/ws",
    operation: "containers.attachWebSocket",
    query: attachParameters,
    hijack: true,
  },
  {
    method: "POST",
    path: "/containers/{id...}/wait",
    operation: "containers.wait",
    query: { condition: "text" },
  },
  {
    method: "DELETE",
    path: "/containers/{id...}",
    operation: "containers.remove",
    query: { v: "boolean", force: "boolean", link: "boolean" },
  },
  { method: "POST", path: "/containers/{id...}/exec", operation: "exec.create", body: "json" },
  {
    method: "POST",
    path: "/exec/{id}/start",
    operation: "exec.start",
    query: { descriptors: "text" },
    body: "json",
    hijack: true,
  },
  {
    method: "POST",
    path: "/exec/{id}/resize",
    operation: "exec.resize",
    query: { h: "text", w: "text" },
  },
  { method: "GET", path: "/exec/{id}/json", operation: "exec.inspect" },
  {
    method: "GET",
    path: "/images/json",
    operation: "images.list",
    query: {
      all: "boolean",
      filters: "filters",
      filter: "text",
      "shared-size": "boolean",
      digests: "boolean",
      manifests: "boolean",
      identity: "boolean",
    },
    querySince: { "shared-size": 1042, manifests: 1047, identity: 1054 },
    queryUntil: { filter: 1040 },
  },
  {
    method: "POST",
    path: "/images/create",
    operation: "images.create",
    query: {
      fromImage: "text",
      tlsVerify: "boolean=true",
      fromSrc: "text",
      repo: "text",
      tag: "text",
      message: "text",
      changes: "texts",
      platform: "text",
    },
    querySince: { platform: 1032 },
    body: "stream",
  },
  {
    method: "POST",
    path: "/images/load",
    operation: "images.load",
    query: { quiet: "boolean", platform: "texts" },
    querySince: { platform: 1048 },
    body: "stream",
  },
  {
    method: "GET",
    path: "/images/search",
    operation: "images.search",
    query: { term: "text", limit: "text", filters: "filters" },
  },
  {
    method: "POST",
    path: "/images/prune",
    operation: "images.prune",
    query: { filters: "filters" },
    since: 1025,
  },
  {
    method: "GET",
    path: "/images/{name...}/json",
    operation: "images.inspect",
    query: { manifests: "boolean", platform: "text" },
    querySince: { manifests: 1048, platform: 1049 },
  },
  {
    method: "GET",
    path: "/images/{name...}/history",
    operation: "images.history",
    query: { platform: "text" },
    querySince: { platform: 1048 },
  },
  {
    method: "POST",
    path: "/images/{name...}/tag",
    operation: "images.tag",
    query: { repo: "text", tag: "text" },
  },
  {
    method: "POST",
    path: "/images/{name...}/push",
    operation: "images.push",
    query: {
      tag: "text",
      platform: "text",
      compressionFormat: "text",
      encryptLayers: "texts",
      tlsVerify: "boolean=true",
    },
    querySince: { platform: 1046 },
  },
  {
    method: "GET",
    path: "/images/{name...}/attestations",
    operation: "images.attestations",
    query: { platform: "texts", type: "texts", statement: "boolean" },
    since: 1055,
  },
  {
    method: "GET",
    path: "/images/get",
    operation: "images.saveMany",
    query: { names: "texts", platform: "texts" },
    querySince: { platform: 1048 },
  },
  {
    method: "GET",
    path: "/images/{name...}/get",
    operation: "images.save",
    query: { platform: "texts" },
    querySince: { platform: 1048 },
  },
  { method: "GET", path: "/distribution/{name...}/json", operation: "images.lookUp", since: 1030 },
  { method: "POST", path: "/auth", operation: "system.login", body: "json" },
  {
    method: "DELETE",
    path: "/images/{name...}",
    operation: "images.remove",
    query: { force: "boolean", noprune: "boolean", platforms: "texts" },
    querySince: { platforms: 1050 },
  },
  { method: "GET", path: "/networks", operation: "networks.list", query: { filters: "filters" } },
  {
    method: "GET",
    path: "/networks/{id}",
    operation: "networks.inspect",
    query: { verbose: "boolean", scope: "text" },
  },
  { method: "POST", path: "/networks/create", operation: "networks.create", body: "json" },
  { method: "POST", path: "/networks/{id}/connect", operation: "networks.connect", body: "json" },
  { method: "POST", path: "/networks/{id}/disconnect", operation: "networks.disconnect", body: "json" },
  { method: "DELETE", path: "/networks/{id}", operation: "networks.remove" },
  {
    method: "POST",
    path: "/networks/prune",
    operation: "networks.prune",
    query: { filters: "filters" },
    since: 1025,
  },
  { method: "GET", path: "/volumes", operation: "volumes.list", query: { filters: "filters" } },
  { method: "POST", path: "/volumes/create", operation: "volumes.create", body: "json" },
  {
    method: "POST",
    path: "/volumes/prune",
    operation: "volumes.prune",
    query: { filters: "filters" },
    since: 1025,
  },
  { method: "GET", path: "/volumes/{name...}", operation: "volumes.inspect" },
  { method: "DELETE", path: "/volumes/{name...}", operation: "volumes.remove", query: { force: "boolean" } },
  { method: "GET", path: "/tare/build", operation: "tare.build" },
  { method: "POST", path: "/tare/run", operation: "tare.run", body: "json", hijack: true },
  { method: "POST", path: "/tare/exec", operation: "tare.exec", body: "json", hijack: true },
  { method: "POST", path: "/tare/logs", operation: "tare.logs", body: "json", hijack: true },
  { method: "POST", path: "/tare/command", operation: "tare.command", body: "json", hijack: true },
  { method: "POST", path: "/tare/containers/{id}/healthcheck", operation: "containers.checkHealth" },
  { method: "GET", path: "/tare/namespaces", operation: "tare.namespaces" },
  { method: "GET", path: "/tare/images/tree", operation: "images.tree", query: { names: "texts" } },
  { method: "GET", path: "/tare/manifest-lists", operation: "manifests.list" },
  {
    method: "POST",
    path: "/tare/manifest-lists/create",
    operation: "manifests.create",
    body: "json",
  },
  { method: "GET", path: "/tare/manifest-lists/{name...}/json", operation: "manifests.inspect" },
  {
    method: "POST",
    path: "/tare/manifest-lists/{name...}/annotate",
    operation: "manifests.annotate",
    body: "json",
  },
  {
    method: "POST",
    path: "/tare/manifest-lists/{name...}/push",
    operation: "manifests.push",
    query: { purge: "boolean", insecure: "boolean" },
  },
  { method: "DELETE", path: "/tare/manifest-lists/{name...}", operation: "manifests.remove" },
  {
    method: "GET",
    path: "/tare/manifests/{name...}/json",
    operation: "manifests.fetch",
    query: { insecure: "boolean" },
  },
  { method: "GET", path: "/tare/secrets", operation: "secrets.list", query: { filters: "filters" } },
  { method: "POST", path: "/tare/secrets/create", operation: "secrets.create", body: "json" },
  {
    method: "GET",
    path: "/tare/secrets/{name}/json",
    operation: "secrets.inspect",
    query: { showsecret: "boolean" },
  },
  { method: "DELETE", path: "/tare/secrets/{name}", operation: "secrets.remove" },
  { method: "GET", path: "/tare/pods", operation: "pods.list", query: { filters: "filters" } },
  { method: "POST", path: "/tare/pods/create", operation: "pods.create", body: "json" },
  { method: "POST", path: "/tare/pods/prune", operation: "pods.prune", query: { filters: "filters" } },
  { method: "GET", path: "/tare/pods/{id}/json", operation: "pods.inspect" },
  { method: "POST", path: "/tare/pods/{id}/start", operation: "pods.start" },
  { method: "POST", path: "/tare/pods/{id}/stop", operation: "pods.stop", query: { t: "integer" } },
  { method: "POST", path: "/tare/pods/{id}/restart", operation: "pods.restart", query: { t: "integer" } },
  { method: "POST", path: "/tare/pods/{id}/kill", operation: "pods.kill", query: { signal: "text" } },
  { method: "POST", path: "/tare/pods/{id}/pause", operation: "pods.pause" },
  { method: "POST", path: "/tare/pods/{id}/unpause", operation: "pods.unpause" },
  { method: "DELETE", path: "/tare/pods/{id}", operation: "pods.remove", query: { force: "boolean" } },
  { method: "GET", path: "/tare/usage", operation: "tare.usage" },
  { method: "GET", path: "/tare/reach", operation: "tare.reach" },
  { method: "GET", path: "/tare/check", operation: "tare.check", query: { verify: "boolean" } },
  {
    method: "POST",
    path: "/tare/storage/bench",
    operation: "tare.storage-bench",
    query: { quick: "boolean", size: "integer", containers: "integer" },
  },
  { method: "POST", path: "/tare/builds", operation: "builds.buildWithOptions", body: "stream" },
  {
    method: "POST",
    path: "/tare/builds/agents/{connection}",
    operation: "builds.connectAgent",
    hijack: true,
  },
  { method: "POST", path: "/tare/descriptors", operation: "tare.descriptors", body: "json" },
  { method: "POST", path: "/tare/settle", operation: "tare.settle" },
  { method: "POST", path: "/tare/shutdown", operation: "tare.shutdown" },
  { method: "POST", path: "/build/cancel", operation: "absent.build" },
  { method: "POST", path: "/session", operation: "buildkit.session", hijack: true },
  { method: "POST", path: "/grpc", operation: "buildkit.grpc", hijack: true },
  {
    method: "PUT",
    path: "/volumes/{name...}",
    operation: "volumes.update",
    query: { version: "text" },
    since: 1042,
  },
  { method: "GET", path: "/plugins", operation: "system.plugins", query: { filters: "filters" } },
  { method: "GET", path: "/plugins/{name...}/json", operation: "swarm.inspectPlugin" },
  ...allMethods("/plugins/{path...}", "swarm.refusePlugins"),
  ...["/swarm", "/nodes", "/services", "/tasks", "/configs"].flatMap((path) => [
    ...allMethods(path, "swarm.refuse"),
    ...allMethods(`${path}/{path...}`, "swarm.refuse"),
  ]),
  // Those of the engine are at /tare/secrets.
  ...allMethods("/secrets", "swarm.refuseSecrets"),
  ...allMethods("/secrets/{path...}", "swarm.refuseSecrets"),
];

function allMethods(path: string, operation: Operation): readonly Route[] {
  return (["GET", "POST", "DELETE"] as const).map((method) => ({ method, path, operation }));
}
