import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { request } from "node:http";
import { formatApiVersion, maximumVersion } from "../../src/api/http/version.ts";
import { answerOf, type ApiAnswer } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const newest = formatApiVersion(maximumVersion);

interface Sent {
  readonly body?: string | object | undefined;
  /** `undefined`: application/json; "": none. */
  readonly type?: string | undefined;
}

interface Row extends Sent {
  readonly ask: string;
  readonly status: number;
  /** The whole message, or a pattern for it. ID stands for the id of the container "web". */
  readonly message: string | RegExp;
}

const create = (fields: object, query = ""): Pick<Row, "ask" | "body"> => ({
  ask: `POST /containers/create${query}`,
  body: { Image: "busybox", Cmd: ["true"], ...fields },
});
const host = (HostConfig: object): Pick<Row, "ask" | "body"> => create({ HostConfig });
const mount = (fields: object): Pick<Row, "ask" | "body"> =>
  host({ Mounts: [{ Type: "volume", Source: "data", Target: "/x", ...fields }] });
const bad = (asked: Sent & { readonly ask: string }, message: string | RegExp): Row => ({
  ...asked,
  status: 400,
  message,
});

/** Routes of Docker's that read a JSON body. */
const readers = [
  "/commit",
  "/containers/create",
  "/containers/nope/exec",
  "/containers/nope/update",
  "/exec/nope/start",
  "/networks/create",
  "/networks/nope/connect",
  "/networks/nope/disconnect",
  "/volumes/create",
  "/auth",
];

const bodies: readonly Row[] = readers.flatMap((path) => {
  const ask = `POST ${path}`;
  return [
    bad(
      { ask, body: "{}", type: "text/plain" },
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ),
    bad(
      { ask, body: "{}", type: "text/plain; charset=utf-8" },
      "unsupported Content-Type header (text/plain; charset=utf-8): must be 'application/json'",
    ),
    bad({ ask, body: "{}", type: "" }, "malformed Content-Type header (): mime: no media type"),
    bad(
      { ask, body: "{invalid json" },
      "invalid JSON: invalid character 'i' looking for beginning of object key string",
    ),
    bad({ ask, body: "{" }, "invalid JSON: unexpected EOF"),
    bad({ ask, body: "nope" }, "invalid JSON: invalid character 'o' in literal null (expecting 'u')"),
    bad({ ask, body: "{} trailing content" }, "unexpected content after JSON"),
    bad({ ask, body: "[]" }, /^invalid JSON: /),
  ];
});

const rows: readonly Row[] = [
  ...bodies,
  bad({ ask: "POST /containers/create", body: "" }, "invalid JSON: EOF"),
  bad(
    { ask: "POST /containers/create", body: "{}" },
    "config cannot be empty in order to create a container",
  ),
  bad(
    { ask: "POST /containers/create", body: "null" },
    "config cannot be empty in order to create a container",
  ),
  bad(
    { ask: "POST /containers/create", body: { HostConfig: {} } },
    "config cannot be empty in order to create a container",
  ),
  // Words of a create.
  bad(create({ Env: [""] }), "invalid environment variable:"),
  bad(create({ Env: ["="] }), "invalid environment variable: ="),
  bad(create({ Env: ["=foo"] }), "invalid environment variable: =foo"),
  bad(create({}, "?name=a b"), "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
  bad(create({}, "?name=-a"), "Invalid container name (-a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
  bad(create({}, "?name=a"), "Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
  bad(
    create({ WorkingDir: "tmp" }),
    "the working directory 'tmp' is invalid, it needs to be an absolute path",
  ),
  bad(create({ StopSignal: "nope" }), "invalid signal: nope"),
  bad(create({ Hostname: "a".repeat(70) }), /^hostname "a{70}" is too long \(maximum 64 bytes\)$/),
  bad(create({ Healthcheck: { Interval: 5 } }), "Interval in Healthcheck cannot be less than 1ms"),
  bad(create({ Healthcheck: { Timeout: 5 } }), "Timeout in Healthcheck cannot be less than 1ms"),
  bad(create({ Healthcheck: { Retries: -5 } }), "Retries in Healthcheck cannot be negative"),
  bad(create({ Healthcheck: { StartPeriod: 5 } }), "StartPeriod in Healthcheck cannot be less than 1ms"),
  bad(create({ Healthcheck: { StartInterval: 5 } }), "StartInterval in Healthcheck cannot be less than 1ms"),
  bad(host({ IpcMode: "invalid" }), "invalid IPC mode: invalid"),
  bad(host({ IpcMode: "container:" }), "invalid IPC mode: container:"),
  bad(host({ PidMode: "invalid" }), "invalid PID mode: invalid"),
  bad(host({ PidMode: "container" }), "invalid PID mode: container"),
  bad(host({ UTSMode: "invalid" }), "invalid UTS mode: invalid"),
  bad(host({ CgroupnsMode: "invalid" }), "invalid cgroup namespace mode: invalid"),
  bad(host({ Isolation: "hyperv" }), /^Invalid isolation.*hyperv.* linux only supports 'default'$/),
  bad(
    host({ Annotations: { "": "a" } }),
    "invalid Annotations: the empty string is not permitted as an annotation key",
  ),
  bad(host({ CpuShares: -1 }), "invalid CPU shares (-1): value must be a positive integer"),
  bad(
    host({ IOMaximumBandwidth: 5 }),
    "invalid option: QoS maximum bandwidth configuration is not supported on linux",
  ),
  bad(host({ IOMaximumIOps: 5 }), "invalid option: QoS maximum IOPs configuration is not supported on linux"),
  bad(host({ BlkioWeight: 5 }), "Range of blkio weight is from 10 to 1000"),
  bad(host({ BlkioWeight: 1001 }), "Range of blkio weight is from 10 to 1000"),
  bad(host({ Memory: 524287 }), "Minimum memory limit allowed is 6MB"),
  bad(host({ Memory: -5 }), "Minimum memory limit allowed is 6MB"),
  bad(
    host({ Memory: 8 << 20, MemorySwap: 7 << 20 }),
    "Minimum memoryswap limit should be larger than memory limit, see usage",
  ),
  bad(
    host({ MemorySwap: 8 << 20 }),
    "You should always set the Memory limit when using Memoryswap limit, see usage",
  ),
  bad(host({ MemoryReservation: 1 << 20 }), "Minimum memory reservation allowed is 6MB"),
  bad(
    host({ Memory: 8 << 20, MemoryReservation: 9 << 20 }),
    "Minimum memory limit can not be less than memory reservation limit, see usage",
  ),
  bad(host({ MemorySwappiness: 101 }), "Invalid value: 101, valid memory swappiness range is 0-100"),
  bad(host({ MemorySwappiness: -2 }), "Invalid value: -2, valid memory swappiness range is 0-100"),
  bad(
    host({ NanoCpus: 1e9, CpuPeriod: 100_000 }),
    "Conflicting options: Nano CPUs and CPU Period cannot both be set",
  ),
  bad(
    host({ NanoCpus: 1e9, CpuQuota: 100_000 }),
    "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
  ),
  bad(
    host({ NanoCpus: -1 }),
    /^Range of CPUs is from 0\.01 to (\d+)\.00, as there are only \1 CPUs available$/,
  ),
  bad(
    host({ NanoCpus: 1e15 }),
    /^Range of CPUs is from 0\.01 to (\d+)\.00, as there are only \1 CPUs available$/,
  ),
  bad(
    host({ CpuPeriod: 5 }),
    "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
  ),
  bad(host({ CpuQuota: 5 }), "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
  bad(
    host({ CpusetCpus: "4000" }),
    /^Requested CPUs are not available - requested 4000, available: [\d,-]+$/,
  ),
  bad(
    host({ CpusetMems: "4000" }),
    /^Requested memory nodes are not available - requested 4000, available: [\d,-]+$/,
  ),
  bad(host({ CpusetCpus: "a" }), /^Invalid value a for cpuset cpus/),
  bad(host({ ShmSize: -1 }), "SHM size can not be less than 0"),
  bad(host({ OomScoreAdj: 1001 }), "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
  bad(host({ CapAdd: ["nope"] }), 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
  bad(host({ CapDrop: ["nope"] }), 'invalid CapDrop: unknown capability: "CAP_NOPE"'),
  bad(
    host({ AutoRemove: true, RestartPolicy: { Name: "always" } }),
    "can't create 'AutoRemove' container with restart policy",
  ),
  bad(host({ RestartPolicy: { Name: "something" } }), /^invalid restart policy: unknown policy 'something'/),
  bad(
    host({ RestartPolicy: { Name: "always", MaximumRetryCount: 2 } }),
    /^invalid restart policy: maximum retry count can only be used with 'on-failure'/,
  ),
  bad(
    host({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: -2 } }),
    /^invalid restart policy: maximum retry count cannot be negative/,
  ),
  bad(host({ ExtraHosts: ["nope"] }), 'bad format for add-host: "nope"'),
  bad(host({ ExtraHosts: ["a:nope"] }), 'invalid IP address in add-host: "nope"'),
  bad(host({ Runtime: "nope" }), "unknown or invalid runtime name: nope"),
  bad(host({ NetworkMode: "container:" }), /invalid container format container:<name\|id>$/),
  bad(
    create({ Hostname: "a", HostConfig: { NetworkMode: "container:web" } }),
    "conflicting options: hostname and the network mode",
  ),
  bad(
    create({ Hostname: "a", HostConfig: { UTSMode: "host" } }),
    "conflicting options: hostname and the UTS mode",
  ),
  bad(
    host({ NetworkMode: "container:web", Links: ["web:a"] }),
    "conflicting options: container type network can't be used with links. This would result in undefined behavior",
  ),
  bad(
    host({ NetworkMode: "host", Links: ["web:a"] }),
    "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  ),
  bad(
    host({ NetworkMode: "container:web", Dns: ["1.1.1.1"] }),
    "conflicting options: dns and the network mode",
  ),
  bad(
    host({ NetworkMode: "container:web", ExtraHosts: ["a:1.1.1.1"] }),
    "conflicting options: custom host-to-IP mapping and the network mode",
  ),
  bad(
    host({ NetworkMode: "container:web", PortBindings: { "80/tcp": [{ HostPort: "0" }] } }),
    "conflicting options: port publishing and the container type network mode",
  ),
  bad(
    host({ NetworkMode: "container:web", PublishAllPorts: true }),
    "conflicting options: port publishing and the container type network mode",
  ),
  bad(
    create({ ExposedPorts: { "80/tcp": {} }, HostConfig: { NetworkMode: "container:web" } }),
    "conflicting options: port exposing and the container type network mode",
  ),
  bad(host({ PortBindings: { "19039;1230": [{}] } }), 'invalid port specification: "19039;1230"'),
  bad(host({ PortBindings: { "80/tcp": [{ HostPort: "a" }] } }), 'invalid port specification: "a"'),
  // Mounts.
  bad(host({ Binds: ["/tmp:/x:wrong"] }), "invalid mode: wrong"),
  bad(host({ Binds: ["/tmp:/x:ro,rw"] }), "invalid mode: ro,rw"),
  bad(host({ Binds: ["/tmp:/x:ro:rw"] }), "invalid volume specification: '/tmp:/x:ro:rw'"),
  bad(host({ Binds: [":/x"] }), "invalid volume specification: ':/x'"),
  bad(host({ Binds: ["/x:rw"] }), "invalid volume specification: '/x:rw'"),
  bad(
    host({ Binds: ["/tmp:x"] }),
    /^invalid volume specification: '\/tmp:x': invalid mount config for type "bind": invalid mount path: 'x' mount path must be absolute$/,
  ),
  bad(host({ VolumesFrom: ["web:wrong"] }), "invalid mode: wrong"),
  bad(host({ VolumesFrom: [":ro"] }), /^invalid volume specification: '/),
  bad(host({ Tmpfs: { x: "" } }), /invalid mount path: 'x' mount path must be absolute$/),
  bad(host({ Tmpfs: { "/": "" } }), /destination can't be '\/'$/),
  bad(mount({ Target: "" }), 'invalid mount config for type "volume": field Target must not be empty'),
  bad(
    mount({ Target: "x" }),
    `invalid mount config for type "volume": invalid mount path: 'x' mount path must be absolute`,
  ),
  bad(
    mount({ Target: "/" }),
    `invalid mount config for type "volume": invalid specification: destination can't be '/'`,
  ),
  bad(mount({ Type: "nope" }), 'invalid mount config for type "nope": mount type unknown'),
  bad(
    mount({ VolumeOptions: { Subpath: "../x" } }),
    'invalid mount config for type "volume": subpath must be a relative path within the volume',
  ),
  bad(
    mount({ VolumeOptions: { Subpath: "/x" } }),
    'invalid mount config for type "volume": subpath must be a relative path within the volume',
  ),
  bad(
    mount({ Source: "", VolumeOptions: { Subpath: "x" } }),
    'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
  ),
  bad(
    mount({ Type: "bind", Source: "/no/such" }),
    'invalid mount config for type "bind": bind source path does not exist: /no/such',
  ),
  bad(
    mount({ Type: "bind", Source: "" }),
    'invalid mount config for type "bind": field Source must not be empty',
  ),
  bad(
    mount({ Type: "bind", Source: "/tmp", VolumeOptions: {} }),
    'VolumeOptions must not be specified on mount type "bind"',
  ),
  bad(mount({ BindOptions: {} }), 'BindOptions must not be specified on mount type "volume"'),
  bad(mount({ TmpfsOptions: {} }), 'TmpfsOptions must not be specified on mount type "volume"'),
  bad(mount({ Type: "tmpfs" }), 'invalid mount config for type "tmpfs": field Source must not be specified'),
  bad(mount({ Type: "tmpfs", Source: "", TmpfsOptions: { Options: [["nope"]] } }), /nope/),
  bad(
    mount({ Type: "bind", Source: "/tmp", BindOptions: { Propagation: "nope" } }),
    'invalid mount config for type "bind": invalid propagation mode: nope',
  ),
  bad(host({ Binds: ["/tmp:/x", "/tmp:/x"] }), "Duplicate mount point: /x"),
  // Images.
  bad(create({ Image: "a b" }), "invalid reference format"),
  bad(
    create({ Image: "UPPER" }),
    /^invalid reference format: repository name \(library\/UPPER\) must be lowercase$/,
  ),
  { ...create({ Image: "nope" }), status: 404, message: "No such image: nope:latest" },
  { ...create({ Image: "nope:1" }), status: 404, message: "No such image: nope:1" },
  bad(
    { ask: "POST /images/busybox/tag?repo=UPPER&tag=a" },
    /^invalid reference format: repository name \(library\/UPPER\) must be lowercase$/,
  ),
  bad({ ask: "POST /images/busybox/tag?repo=a&tag=a b" }, "invalid tag format"),
  bad({ ask: "POST /images/create?fromImage=%20" }, "invalid reference format"),
  bad({ ask: "POST /commit?container=web&repo=a b", body: {} }, "invalid reference format"),
  bad({ ask: "POST /commit?container=web&repo=UPPER", body: {} }, /must be lowercase$/),
  { ask: "GET /images/nope/json", status: 404, message: "No such image: nope:latest" },
  { ask: "DELETE /images/nope", status: 404, message: "No such image: nope:latest" },
  // Namespaces of others are looked for at a create, networks at a start.
  bad(host({ PidMode: "container:nosuch" }), "No such container: nosuch"),
  bad(host({ IpcMode: "container:nosuch" }), "No such container: nosuch"),
  bad(host({ Links: ["nosuch:a"] }), "could not get container for nosuch: No such container: nosuch"),
  { ...host({ NetworkMode: "nosuch" }), status: 201, message: "" },
  { ...host({ NetworkMode: "container:nosuch" }), status: 201, message: "" },
  // A container that runs.
  {
    ask: "DELETE /containers/web",
    status: 409,
    message:
      'cannot remove container "/web": container is running: stop the container before removing or force remove',
  },
  { ask: "DELETE /containers/nope", status: 404, message: "No such container: nope" },
  {
    ...create({}, "?name=web"),
    status: 409,
    message:
      /^Conflict. The container name "\/web" is already in use by container "ID"\. You have to remove \(or rename\) that container to be able to reuse that name\.$/,
  },
  { ask: "POST /containers/web/start", status: 304, message: "" },
  { ask: "POST /containers/done/stop", status: 304, message: "" },
  {
    ask: "POST /containers/done/kill",
    status: 409,
    message: /^cannot kill container: done: container \w+ is not running$/i,
  },
  bad({ ask: "POST /containers/web/kill?signal=nope" }, "cannot kill container: web: invalid signal: nope"),
  { ask: "POST /containers/done/pause", status: 409, message: /^container \w{64} is not running$/i },
  { ask: "POST /containers/web/unpause", status: 409, message: /^Container \w{64} is not paused$/i },
  {
    ask: "POST /containers/done/exec",
    body: { Cmd: ["true"] },
    status: 409,
    message: /^container \w{64} is not running$/,
  },
  bad({ ask: "POST /containers/web/exec", body: {} }, "No exec command specified"),
  bad(
    { ask: "POST /containers/web/exec", body: { Cmd: ["true"], Env: ["="] } },
    "invalid environment variable: =",
  ),
  {
    ask: "POST /containers/nope/exec",
    body: { Cmd: ["true"] },
    status: 404,
    message: "No such container: nope",
  },
  { ask: "GET /exec/nope/json", status: 404, message: "No such exec instance: nope" },
  { ask: "POST /exec/nope/start", body: {}, status: 404, message: "No such exec instance: nope" },
  bad({ ask: "POST /containers/web/rename" }, "Neither old nor new names may be empty"),
  bad(
    { ask: "POST /containers/web/rename?name=a b" },
    "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
  ),
  bad({ ask: "POST /containers/web/wait?condition=nope" }, 'invalid condition: "nope"'),
  bad({ ask: "POST /containers/web/resize?h=a&w=1" }, /^invalid resize height "a": invalid syntax$/),
  bad({ ask: "POST /containers/web/resize?h=1" }, /^invalid resize width "": invalid syntax$/),
  bad({ ask: "GET /containers/web/logs" }, "Bad parameters: you must choose at least one stream"),
  bad(
    { ask: "POST /containers/web/update", body: { BlkioWeight: 5 } },
    "Range of blkio weight is from 10 to 1000",
  ),
  // Filters.
  bad({ ask: "GET /containers/json?filters={" }, "invalid filter"),
  bad({ ask: 'GET /containers/json?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: 'GET /containers/json?filters={"status":["nope"]}' }, /^invalid filter 'status=nope'/),
  bad({ ask: 'GET /containers/json?filters={"health":["nope"]}' }, /^invalid filter 'health=nope'/),
  bad({ ask: 'GET /containers/json?filters={"exited":["nope"]}' }, /^invalid filter 'exited=nope'/),
  {
    ask: 'GET /containers/json?filters={"before":["nope"]}',
    status: 404,
    message: "No such container: nope",
  },
  bad({ ask: 'GET /images/json?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: 'GET /images/json?filters={"dangling":["nope"]}' }, "invalid filter 'dangling=[nope]'"),
  bad({ ask: 'GET /volumes?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: 'GET /volumes?filters={"dangling":["nope"]}' }, "invalid filter 'dangling=[nope]'"),
  bad({ ask: 'GET /networks?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: 'GET /networks?filters={"dangling":["nope"]}' }, "invalid filter 'dangling=[nope]'"),
  bad({ ask: 'POST /containers/prune?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: 'POST /volumes/prune?filters={"nope":["a"]}' }, "invalid filter 'nope'"),
  bad({ ask: "GET /events?filters={" }, "invalid filter"),
  // Networks and volumes.
  { ask: "GET /networks/nope", status: 404, message: "network nope not found" },
  { ask: "DELETE /networks/nope", status: 404, message: "network nope not found" },
  {
    ask: "DELETE /networks/bridge",
    status: 403,
    message: "bridge is a pre-defined network and cannot be removed",
  },
  { ask: "GET /volumes/nope", status: 404, message: "get nope: no such volume" },
  bad(
    { ask: "POST /volumes/create", body: { Name: "a b" } },
    `create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  ),
  bad({ ask: "POST /networks/create", body: { Name: "" } }, /name is empty$/),
  // Paths and methods.
  { ask: "GET /nope", status: 404, message: "page not found" },
  { ask: "GET /v1.45/nope", status: 404, message: "page not found" },
  { ask: "GET /v9.99/nope", status: 404, message: "page not found" },
  { ask: "PUT /containers/json", status: 404, message: "page not found" },
  { ask: "PATCH /info", status: 404, message: "page not found" },
  bad(
    { ask: "GET /v1.99/info" },
    `client version 1.99 is too new. Maximum supported API version is ${newest}`,
  ),
  bad({ ask: "GET /v2.0/info" }, `client version 2.0 is too new. Maximum supported API version is ${newest}`),
  bad(
    { ask: "GET /v1.23/info" },
    "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
  ),
];

/** What dockerd answers, from its source and documentation. */
describe.skipIf(!isRoot)("Docker's errors", () => {
  let tare: Installation;
  let id = "";

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    id = await tare.must(["run", "-d", "--name", "web", "busybox", "sleep", "100000"]);
    await tare.must(["run", "--name", "done", "busybox", "true"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test.each(rows.map((row) => [row.ask, JSON.stringify(row.body) ?? "", row] as const))(
    "%s %s",
    async (_, __, { ask, body, type = "application/json", status, message }) => {
      const [method, path] = [ask.slice(0, ask.indexOf(" ")), ask.slice(ask.indexOf(" ") + 1)];
      const text = typeof body === "object" ? JSON.stringify(body) : body;
      const answer = await send(tare.socket, { method, path: encodeURI(path), text, type });
      const said = answer.text.startsWith("{")
        ? (JSON.parse(answer.text) as { message?: string }).message
        : "";
      const pattern =
        typeof message === "string" ? message : new RegExp(message.source.replace("ID", id), message.flags);
      expect({ status: answer.status, message: status < 400 ? "" : said }).toEqual({
        status,
        message: typeof pattern === "string" ? pattern : expect.stringMatching(pattern),
      });
    },
  );
});

/** As dockerd, whose create takes the names as they are. */
describe.skipIf(!isRoot)("networks and network owners that come after the container", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("a network is found when the container starts", async () => {
    await tare.must(["create", "--name", "early", "--network", "late", "busybox", "ip", "-o", "-4", "addr"]);
    const networks = await tare.must(["inspect", "--format", "{{json .NetworkSettings.Networks}}", "early"]);
    expect(JSON.parse(networks)).toMatchObject({ late: { NetworkID: "", IPAddress: "" } });
    expect(await tare.refused(["start", "early"])).toContain("network late not found");
    await tare.must(["network", "create", "--subnet", "10.213.7.0/24", "late"]);
    expect(await tare.must(["start", "-a", "early"])).toContain("10.213.7.2/24");
    expect(await tare.refused(["network", "create", "late"])).toContain("late already exists");
    await tare.must(["network", "disconnect", "late", "early"]);
    expect(await tare.must(["start", "-a", "early"])).not.toContain("10.213");
    await tare.must(["rm", "early"]);
    await tare.must(["network", "rm", "late"]);
  });

  test("the container whose network another one has is found when that one starts", async () => {
    await tare.must(["create", "--name", "early", "--network", "container:late", "busybox", "hostname"]);
    expect(await tare.refused(["start", "early"])).toContain("No such container: late");
    await tare.must(["run", "-d", "--name", "late", "--hostname", "of-late", "busybox", "sleep", "1000"]);
    expect(await tare.must(["start", "-a", "early"])).toBe("of-late");
    const id = await tare.must(["inspect", "--format", "{{.Id}}", "late"]);
    const mode = await tare.must(["inspect", "--format", "{{.HostConfig.NetworkMode}}", "early"]);
    expect(mode).toBe(`container:${id}`);
    await tare.must(["rm", "-f", "early", "late"]);
  });
});

function send(
  socketPath: string,
  { method, path, text, type }: { method: string; path: string; text: string | undefined; type: string },
): Promise<ApiAnswer> {
  const headers = type === "" || text === undefined ? {} : { "content-type": type };
  const asking = request({ socketPath, method, path, headers });
  asking.end(text);
  return answerOf(asking);
}
