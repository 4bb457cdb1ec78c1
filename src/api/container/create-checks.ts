import { Failure } from "../../base/failure.ts";
import type { ContainerConfig, HealthConfig } from "../types/container-config.ts";
import type { HostConfig, Mount, Resources } from "../types/host-config.ts";
import type { CreateRequest } from "./create-request.ts";

const longestHostnameBytes = 64;
const minimumDurationNs = 1_000_000;
const minimumMemoryBytes = 6 * 1024 * 1024;

/**
 * The checks of dockerd that need only the request, in dockerd's order and words: of several mistakes a client gets
 * the same one. Throws Failure("invalid"). What the engine checks comes after.
 */
export function checkCreateRequest({ config, hostConfig }: CreateRequest): void {
  checkNetworkMode(config, hostConfig);
  checkQuality(hostConfig);
  if ((hostConfig.CpuShares ?? 0) < 0) {
    throw invalid(`invalid CPU shares (${hostConfig.CpuShares}): value must be a positive integer`);
  }
  for (const mount of hostConfig.Mounts ?? []) checkOptions(mount);
  checkConfig(config);
  checkAnnotations(hostConfig.Annotations);
  if (Buffer.byteLength(config.Hostname ?? "") > longestHostnameBytes) {
    const shown = JSON.stringify((config.Hostname ?? "").slice(0, 300));
    throw invalid(`hostname ${shown} is too long (maximum ${longestHostnameBytes} bytes)`);
  }
  checkResources(hostConfig);
}

/** Of `POST /containers/create` and `POST /containers/{id}/update`. Throws Failure("invalid"). */
export function checkResources(resources: Resources): void {
  const { Memory: memory = 0, NanoCpus: cpus = 0, CpuQuota: quota = 0, BlkioWeight: weight = 0 } = resources;
  if (memory !== 0 && memory < minimumMemoryBytes) throw invalid("Minimum memory limit allowed is 6MB");
  const { MemoryReservation: reservation = 0, MemorySwappiness: swappiness } = resources;
  if (typeof swappiness === "number" && (swappiness < -1 || swappiness > 100)) {
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  if (reservation > 0 && reservation < minimumMemoryBytes) {
    throw invalid("Minimum memory reservation allowed is 6MB");
  }
  if (cpus > 0 && (resources.CpuPeriod ?? 0) > 0) {
    throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (cpus > 0 && quota > 0) throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw invalid("Range of blkio weight is from 10 to 1000");
  }
}

function checkNetworkMode(config: ContainerConfig, hostConfig: HostConfig): void {
  const { NetworkMode: mode = "", Links: links } = hostConfig;
  const isLinked = (links ?? []).length > 0;
  const undefinedBehavior = "This would result in undefined behavior";
  if (mode.startsWith("container:") && isLinked) {
    throw invalid(
      `conflicting options: container type network can't be used with links. ${undefinedBehavior}`,
    );
  }
  if (hostConfig.UTSMode === "host" && (config.Hostname ?? "") !== "") {
    throw invalid("conflicting options: hostname and the UTS mode");
  }
  if (mode === "host" && isLinked) {
    throw invalid(`conflicting options: host type networking can't be used with links. ${undefinedBehavior}`);
  }
}

function checkQuality({ IOMaximumBandwidth: bandwidth = 0, IOMaximumIOps: rate = 0 }: HostConfig): void {
  const because = "configuration is not supported on linux";
  if (bandwidth !== 0) throw invalid(`invalid option: QoS maximum bandwidth ${because}`);
  if (rate !== 0) throw invalid(`invalid option: QoS maximum IOPs ${because}`);
}

/** Before 1.42 such options were ignored: see adaptCreateRequest(). */
function checkOptions({ Type: type = "", VolumeOptions, BindOptions, TmpfsOptions }: Mount): void {
  const options = [
    ["VolumeOptions", VolumeOptions, "volume"],
    ["BindOptions", BindOptions, "bind"],
    ["TmpfsOptions", TmpfsOptions, "tmpfs"],
  ] as const;
  for (const [name, value, own] of options) {
    if (value !== undefined && value !== null && type !== own) {
      throw invalid(`${name} must not be specified on mount type ${JSON.stringify(type.slice(0, 50))}`);
    }
  }
}

function checkConfig({ WorkingDir: directory = "", Env: env, Healthcheck: health }: ContainerConfig): void {
  if (directory !== "" && !directory.startsWith("/")) {
    const shown = directory.slice(0, 300);
    throw invalid(`the working directory '${shown}' is invalid, it needs to be an absolute path`);
  }
  for (const entry of env ?? []) checkVariable(entry);
  if (health !== undefined && health !== null) checkHealth(health);
}

/** An entry of `Env`, of a container or an exec. Throws Failure("invalid"). */
export function checkVariable(entry: string): void {
  if (entry !== "" && !entry.startsWith("=")) return;
  throw invalid(`invalid environment variable: ${entry.slice(0, 300)}`);
}

function checkHealth(health: HealthConfig): void {
  const check = (name: "Interval" | "Timeout" | "StartPeriod" | "StartInterval"): void => {
    const value = health[name] ?? 0;
    if (value !== 0 && value < minimumDurationNs) {
      throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
    }
  };
  check("Interval");
  check("Timeout");
  if ((health.Retries ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
  check("StartPeriod");
  check("StartInterval");
}

function checkAnnotations(annotations: HostConfig["Annotations"]): void {
  if (!Object.hasOwn(annotations ?? {}, "")) return;
  throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
}

function invalid(sentence: string): Failure {
  return new Failure("invalid", sentence);
}
