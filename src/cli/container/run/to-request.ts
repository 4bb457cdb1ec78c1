import { mergeDefined } from "../../../base/defined.ts";
import { toFastPathSpec } from "../../../api/container/fast-path-run.ts";
import type { ConsoleSize } from "../../../api/container/fast-path-words.ts";
import type { ContainerCreateRequest } from "../../../api/types/container.ts";
import type { HostConfig, TareHostConfig } from "../../../api/types/host-config.ts";
import { optionFailure } from "../../flags/flag.ts";
import { type ContainerValues, containerFlags } from "../flags/container-flags.ts";
import { parseDefaultVariables, parseEnv, parseZoneMount } from "../flags/environment-flags.ts";
import { parseHealthFlags } from "../flags/health-flags.ts";
import { parseEngineNotify, parseLabels, parseLogConfig, parseNotify } from "../flags/lifecycle-flags.ts";
import { parseNetworkFlags } from "../flags/network-flags.ts";
import { readFile } from "../flags/parsers/key-value-file.ts";
import { parseNamespaces } from "../flags/namespace-modes.ts";
import { parseDeviceRequests } from "../flags/parsers/devices.ts";
import { parseSecurity } from "../flags/parsers/security-options.ts";
import { type ParsedVolumes, parseTmpfs, parseVolumes } from "../flags/parsers/volumes.ts";
import { parseFields } from "../flags/request-fields.ts";
import { parseWritableTmpfs } from "../flags/storage-flags.ts";
import { podNamed, withoutPodWishes } from "./pod-of-container.ts";

export interface PlanInput {
  readonly values: ContainerValues;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
  /** Nothing is attached. */
  readonly isDetached: boolean;
  /** Rows and columns of the caller's terminal, if it has one. */
  readonly consoleSize?: ConsoleSize | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The streams that a client attaches to: those of `--attach`, else output, and input with `-i`. */
export interface Attached {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export function toAttached(values: ContainerValues, isDetached: boolean): Attached {
  const { attach, interactive } = values;
  if (isDetached) return { stdin: false, stdout: false, stderr: false };
  if (attach.length === 0) return { stdin: interactive, stdout: true, stderr: true };
  return {
    stdin: attach.includes("stdin"),
    stdout: attach.includes("stdout"),
    stderr: attach.includes("stderr"),
  };
}

/**
 * The body of the request that creates the container: what a fast-path run with the same words requests, the fields of
 * the tables of flags, and those that depend on several flags. Reads the files that options name; throws
 * optionFailure().
 */
export function toContainer(input: PlanInput): ContainerCreateRequest {
  const { given, image, command, cwd, env, isDetached } = input;
  const values = withoutPodWishes(input.values);
  refuseConflicts(values, given);
  const attached = toAttached(values, isDetached);
  const volumes = parseVolumes(values.volume, cwd);
  const networks = parseNetworkFlags(values);
  const { hostname, rm, tty, user, workdir, entrypoint, interactive } = values;
  const base = toFastPathSpec({
    hostname,
    rm,
    tty,
    consoleSize: input.consoleSize,
    user,
    workdir,
    entrypoint,
    interactive,
    image,
    command,
    detach: isDetached,
    env: [
      ...parseDefaultVariables(values, env),
      ...parseNotify(values, env).env,
      ...parseEnv(values, { cwd, env }),
    ],
    network: "",
    publish: [],
    volume: [...volumes.binds, ...volumes.anonymous],
  });
  const fields = parseFields(containerFlags, values, { given, cwd, env });
  return mergeDefined<ContainerCreateRequest>(base, fields.config, {
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    StdinOnce: interactive && attached.stdin,
    Labels: parseLabels(values, cwd),
    Healthcheck: parseHealthFlags(values),
    ExposedPorts: Object.keys(networks.exposed).length === 0 ? undefined : networks.exposed,
    MacAddress: networks.macAddress,
    HostConfig: mergeDefined<HostConfig>(
      base.HostConfig ?? {},
      fields.hostConfig,
      toHostConfig({ ...input, values }, volumes),
      networks.hostConfig,
      toTare({ ...input, values }, fields.hostConfig.Tare ?? {}),
    ),
    NetworkingConfig: networks.networkingConfig,
  });
}

function refuseConflicts(values: ContainerValues, given: ReadonlySet<string>): void {
  if (values.rm && given.has("restart") && !["no", ""].includes(values.restart)) {
    throw optionFailure("Conflicting options: --restart and --rm");
  }
  if (values["no-hosts"] && values["hosts-file"] !== "")
    throw optionFailure("--no-hosts and --hosts-file cannot be set together");
}

/** The fields that depend on several flags. */
function toHostConfig({ values, cwd, env }: PlanInput, volumes: ParsedVolumes): HostConfig {
  const security = parseSecurity(values["security-opt"], (path) => readFile(path, cwd).toString("utf8"));
  const mounts = [...values.mount, ...parseZoneMount(values), ...parseNotify(values, env).mounts];
  const requested = parseTmpfs(values.tmpfs);
  const tmpfs = {
    ...parseWritableTmpfs(values, () => [
      ...mounts.map(({ Target }) => Target),
      ...volumes.binds.map((bind) => bind.split(":")[1]),
      ...Object.keys(requested),
    ]),
    ...requested,
  };
  const paths = security.isUnmasked ? [] : undefined;
  return {
    ...parseNamespaces(values),
    DeviceRequests: parseDeviceRequests(values),
    Mounts: mounts.length === 0 ? undefined : mounts,
    Tmpfs: Object.keys(tmpfs).length === 0 ? undefined : tmpfs,
    MaskedPaths: paths,
    ReadonlyPaths: paths,
    SecurityOpt: security.options.length === 0 ? undefined : security.options,
    ...parseLogConfig(values),
  };
}

/** `HostConfig.Tare` with the fields of single flags; left out if it is empty. */
function toTare(
  { values, cwd, env }: PlanInput,
  fields: TareHostConfig,
): { readonly Tare?: TareHostConfig | undefined } {
  const pod = podNamed(values, cwd);
  const tare = mergeDefined(
    fields,
    {
      Pod: pod,
      Systemd: fields.ShmSizeSystemd !== undefined && values.systemd === "" ? "true" : undefined,
    },
    parseEngineNotify(values, { env, pid: process.pid }),
  );
  return Object.keys(tare).length === 0 ? {} : { Tare: tare };
}
