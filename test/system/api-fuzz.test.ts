/**
 * Wrong values for every parameter of every route and for every field of every body: whatever comes, the answer is no
 * failure of the daemon's own, a refusal is one sentence, and the daemon goes on. TARE_FUZZ_SEED changes which requests
 * `npm test` sends; `npm run full` sends them all.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { parseDockerBoolean } from "../../src/api/http/query.ts";
import { type Route, routes } from "../../src/api/http/routes.ts";
import { endpointSchemas } from "../../src/api/network/endpoint-schemas.ts";
import { configSchemas, hostConfigSchemas } from "../../src/api/container/create-schemas.ts";
import type { FieldSchemas } from "../../src/api/http/field-schemas.ts";
import { formatApiVersion, maximumVersion, minimumVersion } from "../../src/api/http/version.ts";
import { askApi } from "../support/ask-api.ts";
import { comparedReplies, findReplyProblems, referenceVersions } from "../support/check-reply.ts";
import { isFullRun } from "../support/full-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { slowness } from "../support/patience.ts";
import { randomOf } from "../support/random.ts";
import { Scratch } from "../support/scratch.ts";
import { findSwagger } from "../support/swagger.ts";
import { Installation, isRoot } from "../support/tare.ts";
import {
  bodyWith,
  type FieldPath,
  fieldsOf,
  wrongJson,
  wrongParameters,
  wrongPathParts,
} from "../support/wrong-values.ts";

const seed = Number(process.env["TARE_FUZZ_SEED"] ?? 20_261_201);
/** So many requests of each route, and so many of all. */
const ofEachRoute = 3;
const ofAll = isFullRun ? 50_000 : 900;

interface Case {
  readonly route: Route;
  /** `/v1.45`, or empty. */
  readonly version?: string;
  /** With CONTAINER and EXEC in place of what is made for this request alone. */
  readonly target: string;
  readonly body?: string;
}

/** These end, change or use up their container: each request gets one of its own, which does not run. */
const ownContainer: ReadonlySet<string> = new Set([
  "containers.start",
  "containers.stop",
  "containers.restart",
  "containers.kill",
  "containers.remove",
  "containers.rename",
  "containers.pause",
  "containers.update",
  "containers.copyInto",
  "containers.commit",
]);

const pathParts: Readonly<Record<string, string>> = {
  containers: "web",
  exec: "EXEC",
  images: "busybox",
  networks: "fuzz",
  volumes: "fuzz",
  secrets: "fuzz",
  pods: "fuzz",
  manifests: "fuzz",
};

/** Without a host nothing has to be looked up. */
const unreachable = "127.0.0.1:1/fuzz";

/** What a request needs besides the parameter that is wrong. */
const rightQuery: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "events.stream": { until: "1" },
  "containers.copyFrom": { path: "/tmp" },
  "containers.copyInto": { path: "/tmp" },
  "containers.statPath": { path: "/tmp" },
  "containers.commit": { container: "CONTAINER", repo: "fuzz-commit" },
  "containers.logs": { stdout: "1" },
  "containers.rename": { name: "fuzz-renamed" },
  "images.create": { fromImage: unreachable, tag: "latest" },
  "images.tag": { repo: "fuzz-tag", tag: "latest" },
  "images.search": { term: "fuzz" },
  "images.saveMany": { names: "busybox" },
  "tare.storage-bench": { quick: "1" },
};

const ownFields: Readonly<Record<string, FieldSchemas>> = {
  "containers.create": {
    ...configSchemas,
    HostConfig: { object: hostConfigSchemas },
    NetworkingConfig: { object: { EndpointsConfig: { map: endpointSchemas } } },
  },
  "containers.update": hostConfigSchemas,
  "containers.commit": configSchemas,
  "pods.create": {
    Name: "text",
    Labels: "text-map",
    Share: "texts",
    InfraName: "text",
    Hostname: "text",
    HostConfig: { object: hostConfigSchemas },
  },
  "secrets.create": { Name: "text", Driver: "text", Labels: "text-map", Data: "text", Replace: "boolean" },
  "manifests.create": { Name: "text", Manifests: "texts", Amend: "boolean", Insecure: "boolean" },
  "manifests.annotate": {
    Manifest: "text",
    Os: "text",
    Architecture: "text",
    Variant: "text",
    OsVersion: "text",
    OsFeatures: "texts",
  },
  "tare.descriptors": { Targets: "integers" },
  "tare.run": { Build: "text", Words: "texts" },
};

const rightBody: Readonly<Record<string, object>> = {
  "containers.create": { Image: "busybox", Cmd: ["true"] },
  "exec.create": { Cmd: ["true"] },
  "exec.start": { Detach: true },
  "networks.create": { Name: "fuzz-made" },
  "networks.connect": { Container: "web" },
  "networks.disconnect": { Container: "web" },
  "volumes.create": { Name: "fuzz-made" },
  "secrets.create": { Name: "fuzz-made", Data: "eA==" },
  "pods.create": { Name: "fuzz-made" },
  "manifests.create": { Name: "fuzz-made", Manifests: [unreachable] },
  "manifests.annotate": { Manifest: "busybox" },
  "system.login": { username: "a", password: "b", serveraddress: "127.0.0.1:1" },
  "tare.run": { Build: "BUILD", Words: ["--rm", "busybox", "true"] },
};

/** What else is in the object at the path. */
const companions: Readonly<Record<string, object>> = {
  "HostConfig.Mounts.[]": { Type: "tmpfs", Target: "/mounted" },
  "HostConfig.RestartPolicy": { Name: "on-failure" },
  "HostConfig.Ulimits.[]": { Name: "nofile", Soft: 10, Hard: 10 },
  "HostConfig.Devices.[]": { PathOnHost: "/dev/null", PathInContainer: "/dev/fuzz", CgroupPermissions: "r" },
  "HostConfig.BlkioWeightDevice.[]": { Path: "/dev/null", Weight: 100 },
  "HostConfig.Tare.Secrets.[]": { Source: "fuzz" },
  "IPAM.Config.[]": { Subnet: "10.213.0.0/24" },
};

/** Of a registry that does not answer: the network of this test has none. */
const asksRegistries: ReadonlySet<string> = new Set([
  "images.create",
  "images.push",
  "images.search",
  "images.lookUp",
  "manifests.create",
  "manifests.push",
  "manifests.fetch",
  "manifests.annotate",
  "system.login",
]);

const swagger = findSwagger("1.56");
/** A path without a version means the newest. */
const known: readonly string[] = [...referenceVersions.map((version) => `/v${version}`), ""];
const [startRoute] = routes.filter(({ operation }) => operation === "containers.start") as [Route];
const versions: readonly string[] = Array.from(
  { length: maximumVersion - minimumVersion + 1 },
  (_, index) => `/v${formatApiVersion(minimumVersion + index)}`,
);

function casesOf(route: Route): readonly Case[] {
  const { operation } = route;
  if (operation === "tare.shutdown") return [];
  const referencePath = route.path.replace("...", "");
  const part = partOf(route);
  const path = (value: string): string => route.path.replace(/\{[^}]+\}/, () => value);
  const query = { ...rightQuery[operation] };
  const withQuery = (changed: Readonly<Record<string, string>> = {}): string => {
    const text = new URLSearchParams({ ...query, ...changed }).toString();
    return text === "" ? "" : `?${text}`;
  };
  const isJson = route.body === "json";
  const right = rightBody[operation] ?? {};
  const body = isJson ? { body: JSON.stringify(right) } : {};
  const names = new Set([
    ...Object.keys(route.query ?? {}),
    ...(swagger?.queryParameters(referencePath, route.method) ?? []),
    "constructor",
  ]);
  const fields = new Map<string, FieldPath>();
  const documented = swagger?.bodyFields(referencePath, route.method) ?? [];
  for (const field of [[], ...documented, ...fieldsOf(ownFields[operation] ?? {})])
    fields.set(field.join("."), field);
  // A benchmark of any size that fits is right; a start that waits for a client that never attaches takes ten seconds.
  const isRight = (name: string, value: string): boolean =>
    (operation === "tare.storage-bench" && name !== "constructor" && /^[+-]?\d+$/.test(value)) ||
    (operation === "containers.start" && name === "attached" && parseDockerBoolean(value));
  return [
    ...(route.path.includes("{") ? wrongPathParts : []).map((value) => ({
      route,
      target: path(value) + withQuery(),
      ...body,
    })),
    ...[...names].flatMap((name) =>
      [
        ...(swagger?.queryValues(referencePath, route.method, name) ?? []),
        ...wrongParameters(route.query?.[name]),
      ]
        .filter((value) => !isRight(name, value))
        .map((value) => ({ route, target: path(part) + withQuery({ [name]: value }), ...body })),
    ),
    ...(isJson ? [...fields.values()] : []).flatMap((field) =>
      [...(swagger?.bodyValues(referencePath, route.method, field) ?? []), ...wrongJson].map((value) => ({
        route,
        target: path(part) + withQuery(),
        body: bodyWith(field, value, { right, companions }),
      })),
    ),
    ...(isJson ? ["", "{", "\ufeff{}", '{"a":1}{"a":2}', "\0", "[", '"\\u0000"'] : []).map((text) => ({
      route,
      target: path(part) + withQuery(),
      body: text,
    })),
  ];
}

function partOf({ operation }: Route): string {
  if (ownContainer.has(operation)) return "CONTAINER";
  if (["images.push", "images.lookUp", "manifests.fetch"].includes(operation)) return unreachable;
  // The tag goes, the image stays.
  if (operation === "images.remove") return "fuzz";
  return pathParts[operation.split(".")[0] ?? ""] ?? "fuzz";
}

/** The same for the same seed. */
function sample(): readonly Case[] {
  const random = randomOf(seed);
  const shuffled = <T>(all: readonly T[]): readonly T[] =>
    all
      .map((value) => ({ value, at: random(0x4000_0000) }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ value }) => value);
  const byRoute = routes.map((route) => shuffled(casesOf(route)));
  const first = byRoute.flatMap((cases) => cases.slice(0, ofEachRoute));
  const rest = shuffled(byRoute.flatMap((cases) => cases.slice(ofEachRoute)));
  const chosen = [...first, ...rest].slice(0, ofAll);
  // Each case more than once, in different versions, where there are too few of them.
  while (chosen.length < ofAll) chosen.push(...shuffled(rest).slice(0, ofAll - chosen.length));
  const versionOf = (): string =>
    (random(2) === 0 ? known[random(known.length)] : versions[random(versions.length)]) ?? "";
  return chosen.map((each) =>
    each.route.path.startsWith("/tare") ? each : { ...each, version: versionOf() },
  );
}

interface Answer {
  readonly status: number;
  /** Of a stream, what came at first. */
  readonly text: string;
}

const words: readonly RegExp[] = [
  /\n\s+at /,
  /undefined|\[object |is not a function|is not iterable|Cannot read prop|null is not|NaN|TypeError|RangeError/,
  /^cannot [^]*cannot [^]*cannot [^]*cannot /,
];

/** What is wrong with an answer; undefined when nothing is. */
function problemOf(asked: Case, { status, text }: Answer): string | undefined {
  const { route } = asked;
  if (status < 400) {
    // Of a stream only its beginning has come.
    if (isStream(route)) return undefined;
    const target = `${asked.version ?? ""}${asked.target}`;
    const [problem] = findReplyProblems({ method: route.method, target, status, text });
    return problem === undefined ? undefined : `not as the reference says (${problem})`;
  }
  const isAllowed =
    status < 500 ||
    status === 501 ||
    (status === 503 && (asksRegistries.has(route.operation) || text.includes("swarm is unavailable")));
  if (!isAllowed) return "a failure of the daemon's own";
  if (route.method === "HEAD") return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  const { message, ...others } = body as { readonly message?: unknown };
  if (Object.keys(others).length > 0) return "more than a message";
  if (typeof message !== "string" || message.trim() === "") return "no message";
  if (message.includes("\n")) return "more than one line";
  if (message.length > 8000) return "a message without end";
  return words.some((pattern) => pattern.test(message)) ? "no sentence for a user" : undefined;
}

describe.skipIf(!isRoot)("wrong values in requests", () => {
  const scratch = new Scratch("api-fuzz");
  let tare: Installation;
  let buildId = "";
  let execs = 0;

  beforeAll(async () => {
    // So that no name is looked up.
    const config = join(scratch.path, "registries.conf");
    writeFileSync(config, '[[registry]]\nlocation = "docker.io"\nblocked = true\n');
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()], { env: { TARE_REGISTRIES_CONF: config } });
    buildId = (await json<{ BuildId: string }>("GET", "/tare/build")).BuildId;
    await ensureWorld();
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  async function json<T>(method: string, path: string, body?: object): Promise<T> {
    return JSON.parse((await askApi(tare.socket, method, path, body)).text) as T;
  }

  /** Whatever of it is there stays. */
  async function ensureWorld(): Promise<void> {
    const ask = (method: string, path: string, body: object = {}) => askApi(tare.socket, method, path, body);
    await ask("POST", "/networks/create", { Name: "fuzz" });
    await ask("POST", "/volumes/create", { Name: "fuzz" });
    await ask("POST", "/tare/secrets/create", { Name: "fuzz", Data: "eA==" });
    await ask("POST", "/tare/pods/create", { Name: "fuzz" });
    for (const repo of ["fuzz", unreachable])
      await ask("POST", `/images/busybox/tag?repo=${repo}&tag=latest`);
    const HostConfig = { NetworkMode: "fuzz", Binds: ["fuzz:/volume"] };
    await ask("POST", "/containers/create?name=web", {
      Image: "busybox",
      Cmd: ["sleep", "100000"],
      HostConfig,
    });
    await ask("POST", "/containers/web/start");
  }

  const createContainer = async (): Promise<string> =>
    (await json<{ Id: string }>("POST", "/containers/create", { Image: "busybox", Cmd: ["sleep", "100000"] }))
      .Id;

  async function createExec(): Promise<string> {
    execs++;
    return (await json<{ Id: string }>("POST", "/containers/web/exec", { Cmd: ["true"] })).Id;
  }

  /** The whole body of a refusal; of a stream that goes on only its head. */
  function send({ route, version = "", target, body }: Case): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const sent = request(
        { socketPath: tare.socket, method: route.method, path: `${version}${target}`, headers },
        (reply) => {
          const status = reply.statusCode ?? 0;
          const pieces: Buffer[] = [];
          const end = (): void => resolve({ status, text: Buffer.concat(pieces).toString() });
          reply.on("data", (piece: Buffer) => pieces.push(piece));
          reply.on("end", end);
          reply.on("error", end);
          if (status >= 400 || !isStream(route)) return;
          end();
          sent.destroy();
        },
      );
      sent.on("error", reject);
      sent.end(body?.replace("BUILD", buildId));
    });
  }

  /** What a request has made goes again. */
  async function cleanUp({ route }: Case, { status, text }: Answer): Promise<void> {
    if (/prune|remove|delete/i.test(route.operation)) return await ensureWorld();
    if (status !== 201) return;
    const collections: Readonly<Record<string, string>> = {
      "containers.create": "/containers/",
      "networks.create": "/networks/",
      "volumes.create": "/volumes/",
      "secrets.create": "/tare/secrets/",
      "pods.create": "/tare/pods/",
      "containers.commit": "/images/",
    };
    const collection = collections[route.operation];
    if (collection === undefined) return;
    const { Id, ID, Name } = JSON.parse(text) as Readonly<Record<string, string>>;
    const name = encodeURIComponent(Id ?? ID ?? Name ?? "");
    await askApi(tare.socket, "DELETE", `${collection}${name}?force=1&v=1`);
  }

  test(
    "are refused with a sentence, and the daemon goes on",
    async () => {
      const problems: string[] = [];
      const statuses = new Map<number, number>();
      for (const each of sample()) {
        if (each.route.operation === "exec.create") execs++;
        if (execs > 400) {
          execs = 0;
          await askApi(tare.socket, "DELETE", "/containers/web?force=1");
          await ensureWorld();
        }
        const container = /CONTAINER/.test(each.target) ? await createContainer() : "";
        const target = each.target.replace("CONTAINER", container);
        const asked = {
          ...each,
          target: target.includes("EXEC") ? target.replace("EXEC", await createExec()) : target,
        };
        const answer = await send(asked).catch((thrown: Error) => ({ status: 0, text: thrown.message }));
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const sent = `${each.route.method} ${each.version ?? ""}${target.slice(0, 300)} ${(each.body ?? "").slice(0, 300)}`;
        const note = (what: string, { status, text }: Answer, of: Case = asked): void => {
          const problem = status === 0 ? "no answer" : problemOf(of, { status, text });
          if (problem !== undefined)
            problems.push(`${what}${problem}: ${sent}\n  ${status} ${text.slice(0, 300)}`);
        };
        note("", answer);
        // What a creation has accepted is started, too.
        if (
          each.route.operation === "containers.create" &&
          answer.status === 201 &&
          answer.text.includes('"Id"')
        ) {
          const { Id } = JSON.parse(answer.text) as { readonly Id: string };
          const starting: Case = { route: startRoute, target: `/containers/${Id}/start` };
          note("start: ", await send(starting), starting);
        }
        await cleanUp(asked, answer);
        if (container !== "") await askApi(tare.socket, "DELETE", `/containers/${container}?force=1`);
      }
      console.log(
        `seed ${seed}: answers by status: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(", ")}`,
      );
      expect(problems).toEqual([]);
      if (swagger !== undefined) expect(comparedReplies()).toBeGreaterThan(ofAll / 100);
      expect(await tare.must(["run", "--rm", "busybox", "echo", "goes on"])).toBe("goes on");
      expect(tare.daemonLog()).not.toMatch(/ error /);
    },
    (isFullRun ? 1_800_000 : 120_000) * slowness,
  );
});

function isStream({ operation }: Route): boolean {
  return [
    "events.stream",
    "containers.logs",
    "containers.stats",
    "containers.attach",
    "containers.wait",
    "containers.export",
    "containers.copyFrom",
    "exec.start",
    "images.save",
    "images.saveMany",
    "tare.run",
    "tare.storage-bench",
  ].includes(operation);
}
