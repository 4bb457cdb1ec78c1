/**
 * What of Docker's Engine API and command line differs here, and why: docs/reference/docker-api.md is written from it,
 * and test/conformance/docker-api-table.test.ts compares it with the daemon and with an installed `docker`. A route or
 * command that is not in here works as Docker's.
 *
 * `state` is "differs" or "no". `status` is the answer to a route that is "no".
 */
const managedPlugins =
  "plug-ins that an engine installs and runs are not part of Tare; it asks authorization plug-ins";
const swarm = "swarm is not part of Tare";

/** By `METHOD /path`, as in `src/api/http/routes.ts`. */
export const routeDifferences = {
  "POST /build": {
    state: "differs",
    why: "`remote` (a build of a URL) and `squash` are refused with 501; `cachefrom` is ignored; steps run in parallel",
  },
  "POST /build/cancel": { state: "no", status: 501, why: "a build ends with its connection" },
  "POST /grpc": {
    state: "differs",
    why: "BuildKit's services for Dockerfiles: definitions (LLB) are not supported; caches are in registries and images",
  },
  "POST /containers/create": {
    state: "differs",
    why: "`Cgroup` is refused with 501; log drivers other than those of the guide, with 400; `DeviceRequests` with `gpu` are CDI devices",
  },
  "POST /containers/{id...}/start": { state: "differs", why: "`checkpoint` is refused with 501" },
  "POST /networks/create": {
    state: "differs",
    why: "the drivers are `bridge`, `macvlan`, `ipvlan`, `host` and `none`; `overlay` needs swarm",
  },
  "POST /volumes/create": { state: "differs", why: `the driver is \`local\`; cluster volumes: ${swarm}` },
  "PUT /volumes/{name...}": { state: "no", status: 503, why: `cluster volumes: ${swarm}` },
  "GET /images/search": {
    state: "differs",
    why: "names of a registry other than Docker Hub have its host before them; one without a search is searched by its catalog",
  },
  "GET /plugins": { state: "differs", why: `${managedPlugins}: the list is empty` },
  "GET /info": {
    state: "differs",
    why: `\`Swarm\` is always inactive: ${swarm}; \`Driver\` may be \`erofs\``,
  },
  ...absent("/plugins/{path...}", managedPlugins),
  ...Object.fromEntries(
    ["swarm", "nodes", "services", "tasks", "configs", "secrets"].flatMap((name) => [
      ...Object.entries(absent(`/${name}`, swarm)),
      ...Object.entries(absent(`/${name}/{path...}`, swarm)),
    ]),
  ),
};

function absent(path, why) {
  return Object.fromEntries(
    ["GET", "POST", "DELETE"].map((method) => [`${method} ${path}`, { state: "no", status: 501, why }]),
  );
}

const builds = {
  state: "differs",
  why: "an own command, which reads the context in place; contexts are directories and standard input, not URLs",
};

/** By command of `docker`; one of a group stands for all commands in it. */
export const commandDifferences = {
  build: builds,
  builder: { state: "differs", why: "`builder build`, `du` and `prune`: there is one builder, the daemon" },
  buildx: { state: "no", why: "`tare build` and `tare builder` do its work" },
  "image build": builds,
  checkpoint: { state: "no", why: "an experimental command of Docker's; containers are not checkpointed" },
  compose: {
    state: "differs",
    why: "`tare compose` runs the installed `docker-compose` with Tare's socket; `compose build` needs builds",
  },
  config: { state: "no", why: swarm },
  node: { state: "no", why: swarm },
  plugin: { state: "no", why: managedPlugins },
  scout: { state: "no", why: "a product of Docker's" },
  secret: { state: "differs", why: "secrets of the engine, for `run --secret`, not of a swarm" },
  service: { state: "no", why: swarm },
  stack: { state: "no", why: swarm },
  swarm: { state: "no", why: swarm },
  trust: { state: "no", why: "Notary, which Docker has retired" },
  "volume update": { state: "no", why: `cluster volumes: ${swarm}` },
};

const clusterVolumes = { state: "no", why: `cluster volumes: ${swarm}` };

/** By command, then flag. A flag of `run` is the same for `create`. */
export const flagDifferences = {
  build: Object.fromEntries(
    [
      ["builder", "there is one builder, the daemon; `default` is accepted"],
      ["security-opt", "steps have the default profile"],
      ["squash", "layers are not merged"],
    ].map(([flag, why]) => [flag, { state: "no", why }]),
  ),
  start: {
    checkpoint: { state: "no", why: "containers are not checkpointed" },
    "checkpoint-dir": { state: "no", why: "containers are not checkpointed" },
  },
  "volume create": Object.fromEntries(
    [
      "availability",
      "group",
      "limit-bytes",
      "required-bytes",
      "scope",
      "secret",
      "sharing",
      "topology-preferred",
      "topology-required",
      "type",
    ].map((flag) => [flag, clusterVolumes]),
  ),
  "volume ls": { cluster: clusterVolumes },
};
