import type { BuildOptionsLine } from "../../api/types/build.ts";
import type { HostConfig } from "../../api/types/host-config.ts";
import { defined } from "../../base/defined.ts";
import { splitLabel } from "../flags/label.ts";
import { parseUlimit } from "../flags/ulimit.ts";
import type { BuildValues } from "./build-flags.ts";
import type { BuildOutput } from "./build-output.ts";
import { attestationsOf } from "./parse-attestation.ts";
import { parseCache } from "./parse-cache.ts";
import { sentOutputs } from "./receive-outputs.ts";

/** What the daemon sends for an output. */
const sentTypes = {
  image: "image",
  local: "tar",
  tar: "tar",
  docker: "docker",
  oci: "oci",
  "oci-directory": "oci",
} as const;

/** The options of a build that do not depend on files. Pure. */
export function optionsLineOf(
  values: BuildValues,
  {
    env,
    outputs,
    proxies = [],
  }: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly outputs: readonly BuildOutput[];
    /** `NAME=VALUE` of the client's configuration. */
    readonly proxies?: readonly string[] | undefined;
  },
): BuildOptionsLine {
  const names = outputs.flatMap((output) => ("names" in output ? output.names : []));
  return defined<BuildOptionsLine>({
    Tags: [...values.tag, ...names],
    Target: values.target || undefined,
    BuildArgs: { ...argsOf(proxies, {}), ...epochOf(env), ...argsOf(values["build-arg"], env) },
    Labels: Object.fromEntries(values.label.map(splitLabel)),
    Platforms: platformsOf(values.platform, env),
    NoCache: values["no-cache"],
    NoCacheFilter: values["no-cache-filter"].flatMap((text) => text.split(",")),
    Pull: values.pull,
    NetworkMode: values.network,
    HostConfig: hostConfigOf(values),
    // SPEC: buildx allows what --network asks for.
    Entitlements: [...values.allow, ...(values.network === "host" ? ["network.host"] : [])],
    Outputs: sentOutputs(outputs).map((output) => ({
      Type: sentTypes[output.kind],
      ...("attributes" in output ? { Attributes: output.attributes } : {}),
    })),
    Attestations: attestationsOf(values),
    CacheFrom: values["cache-from"].length === 0 ? undefined : values["cache-from"].map(parseCache),
    CacheTo: values["cache-to"].length === 0 ? undefined : values["cache-to"].map(parseCache),
    Describe: describedBy(values),
  });
}

/** The report that takes the place of a build. */
export function describedBy({ check, call }: Pick<BuildValues, "check" | "call">): string | undefined {
  if (check) return "lint";
  const [method = ""] = call.split(",");
  if (method === "" || method === "build") return undefined;
  return method === "check" ? "lint" : method;
}

function hostConfigOf(values: BuildValues): HostConfig {
  const { memory, ulimit } = values;
  return defined<HostConfig>({
    Memory: memory,
    MemorySwap: values["memory-swap"],
    CpuShares: values["cpu-shares"],
    CpuPeriod: values["cpu-period"],
    CpuQuota: values["cpu-quota"],
    CpusetCpus: values["cpuset-cpus"] || undefined,
    CpusetMems: values["cpuset-mems"] || undefined,
    ShmSize: values["shm-size"],
    CgroupParent: values["cgroup-parent"] || undefined,
    Ulimits: ulimit.length === 0 ? undefined : ulimit.map(parseUlimit),
    ExtraHosts: values["add-host"].length === 0 ? undefined : values["add-host"],
  });
}

/** A name alone has the value of the environment, and none where it is not set there. */
function argsOf(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const found = texts.flatMap((text) => {
    const [name, value] = splitLabel(text);
    const known = text.includes("=") ? value : env[name];
    return known === undefined ? [] : [[name, known] as const];
  });
  return Object.fromEntries(found);
}

/** SPEC: buildx hands the variable on. */
function epochOf({
  SOURCE_DATE_EPOCH: epoch,
}: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return epoch === undefined || epoch === "" ? {} : { SOURCE_DATE_EPOCH: epoch };
}

function platformsOf(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const chosen = texts.length > 0 ? texts : [env["DOCKER_DEFAULT_PLATFORM"] ?? ""];
  return chosen.flatMap((text) => text.split(",")).filter((text) => text !== "");
}
