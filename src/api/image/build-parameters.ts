import { Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";
import type { BuildRequest } from "../../model/builds.ts";
import { parsePlatform } from "../../spec/platform.ts";
import { parseCreateRequest } from "../container/create-request.ts";
import { parseContainerSpec } from "../container/parse-spec.ts";
import type { Query } from "../http/query.ts";

/** What holds for all steps. */
export type StepParameters = Pick<
  BuildRequest,
  "extraHosts" | "shmBytes" | "ulimits" | "cgroupParent" | "limits"
>;

/** What `POST /build` asks for besides its context. */
export type BuildParameters = Pick<
  BuildRequest,
  "target" | "buildArgs" | "labels" | "platforms" | "noCache" | "pull" | "network"
> &
  StepParameters & {
    readonly dockerfile: string;
    /** The URL of the context, in place of the body. */
    readonly remote: string | undefined;
    readonly tags: readonly string[];
    readonly quiet: boolean;
  };

/** The parameters of `POST /build`. Throws "invalid" for what can't be read, "unsupported" for what Tare does not have. */
export function parseBuildParameters(query: Query): BuildParameters {
  if (query.text("version") === "2") {
    throw new Failure("unsupported", "builds of version 2 are asked for over /grpc: use the buildx plug-in");
  }
  if (query.boolean("squash")) throw new Failure("unsupported", "squash is not supported");
  const remote = query.text("remote");
  return {
    remote: remote === "client-session" || remote === "" ? undefined : remote,
    dockerfile: query.text("dockerfile") ?? "Dockerfile",
    tags: query.texts("t").filter((tag) => tag !== ""),
    quiet: query.boolean("q"),
    target: query.text("target"),
    buildArgs: buildArgsOf(query),
    labels: textsOf(query, "labels"),
    platforms: platformsOf(query),
    noCache: query.boolean("nocache"),
    pull: !["", "0", "no", "false", "none"].includes((query.text("pull") ?? "").toLowerCase()),
    network: parseBuildNetwork(query.text("networkmode")),
    ...stepParametersOf(hostConfigOf(query)),
  };
}

/** Limits, hosts and cgroup of all steps, from the fields that a container has for them. Throws as those do. */
export function stepParametersOf(hostConfig: object): StepParameters {
  const body: unknown = JSON.parse(JSON.stringify({ Image: "build", HostConfig: hostConfig }));
  const {
    resources = {},
    storage = {},
    network = {},
  } = parseContainerSpec(parseCreateRequest(body), undefined);
  return {
    extraHosts: network.extraHosts ?? [],
    shmBytes: storage.shmBytes,
    ulimits: resources.rlimits ?? [],
    cgroupParent: resources.cgroupParent,
    limits: resources.limits,
  };
}

function hostConfigOf(query: Query): object {
  const ulimits = jsonOf(query, "ulimits");
  const hosts = query.text("extrahosts");
  return {
    Memory: query.integer("memory"),
    MemorySwap: query.integer("memswap"),
    CpuShares: query.integer("cpushares"),
    CpusetCpus: query.text("cpusetcpus"),
    CpusetMems: query.text("cpusetmems"),
    CpuPeriod: query.integer("cpuperiod"),
    CpuQuota: query.integer("cpuquota"),
    ShmSize: query.integer("shmsize"),
    CgroupParent: query.text("cgroupparent"),
    Ulimits: ulimits,
    ExtraHosts: hosts === undefined ? undefined : hosts.split(","),
  };
}

/** Throws "invalid" for a mode that no build has. */
export function parseBuildNetwork(mode: string | undefined): BuildRequest["network"] {
  if (mode === undefined || mode === "default" || mode === "bridge") return "default";
  if (mode === "none" || mode === "host") return mode;
  throw new Failure(
    "invalid",
    `network mode "${mode.slice(0, 100)}" not supported by builds: use default, none or host`,
  );
}

function platformsOf(query: Query): readonly string[] {
  const text = query.text("platform");
  if (text === undefined) return [];
  parsePlatform(text);
  return [text];
}

/** SPEC: null of a build argument means the client has no value for it: it counts as not given. */
function buildArgsOf(query: Query): Readonly<Record<string, string>> {
  const found = jsonOf(query, "buildargs");
  if (found === undefined || found === null) return {};
  if (!isRecord(found)) throw refused("buildargs");
  const entries = Object.entries(found).flatMap(([name, value]) => {
    if (value === null) return [];
    if (typeof value !== "string") throw refused("buildargs");
    return [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

function textsOf(query: Query, name: string): Readonly<Record<string, string>> {
  const found = jsonOf(query, name);
  if (found === undefined || found === null) return {};
  if (!isRecord(found)) throw refused(name);
  const entries = Object.entries(found).map(([key, value]) => {
    if (typeof value !== "string") throw refused(name);
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}

function jsonOf(query: Query, name: string): unknown {
  const text = query.text(name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", `error reading ${name}: it is not JSON`, { cause });
  }
}

function refused(name: string): Failure {
  return new Failure("invalid", `error reading ${name}: it must be an object of texts`);
}
