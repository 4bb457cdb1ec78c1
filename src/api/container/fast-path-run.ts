import { type ConsoleSize, type FastPathFlag, fastPathReader, isPlainVariable } from "./fast-path-words.ts";
import { joinPublished, readPublish } from "./publish-flag.ts";
import type { ContainerCreateRequest } from "../types/container.ts";

/** The values of the flags of the fast path; "" and undefined: not given. */
export interface FastPathRun {
  readonly detach: boolean;
  readonly entrypoint: string | undefined;
  readonly env: readonly string[];
  readonly hostname: string;
  readonly interactive: boolean;
  readonly name: string;
  readonly network: string;
  /** As written. */
  readonly publish: readonly string[];
  readonly rm: boolean;
  readonly tty: boolean;
  readonly user: string;
  /** As written. */
  readonly volume: readonly string[];
  readonly workdir: string;
  readonly image: string;
  readonly command: readonly string[];
  /** Of the client's terminal. */
  readonly consoleSize?: ConsoleSize | undefined;
}

type FastPathFlags = Omit<FastPathRun, "image" | "command" | "consoleSize">;

/**
 * The flags of the fast path, by long name. The daemon's parser and the command line's
 * (`src/cli/container/fast-path-run.ts`) come from this table; a test compares it with the flags of `run`.
 */
export const fastPathFlags: Readonly<Record<keyof FastPathFlags, FastPathFlag>> = {
  detach: { short: "d", kind: "switch" },
  entrypoint: { kind: "text" },
  env: { short: "e", kind: "list", accepts: isPlainVariable },
  hostname: { short: "h", kind: "text" },
  interactive: { short: "i", kind: "switch" },
  name: { kind: "text" },
  network: { also: ["net"], kind: "text", isSingle: true, accepts: isPlainNetwork },
  publish: { short: "p", kind: "list", accepts: isPlainPublish },
  rm: { kind: "switch" },
  tty: { short: "t", kind: "switch" },
  user: { short: "u", kind: "text" },
  volume: { short: "v", kind: "list", accepts: isPlainVolume },
  workdir: { short: "w", kind: "text" },
};

const readWords = fastPathReader<FastPathFlags>(fastPathFlags);

/**
 * Parses the words of a run that has only flags of the fast path; undefined for other flags, or without an image. The
 * command with all flags requests the same for the same words, but its 150 flags take 1 ms to load and to plan with.
 */
export function readFastPathRun(words: readonly string[]): FastPathRun | undefined {
  const read = readWords(words);
  const [image, ...command] = read?.rest ?? [];
  if (read === undefined || image === undefined) return undefined;
  const { network, ...given } = read.values;
  return {
    ...nothingGiven,
    ...given,
    network: network?.trim() ?? nothingGiven.network,
    image,
    command,
  };
}

const nothingGiven: FastPathFlags = {
  detach: false,
  entrypoint: undefined,
  env: [],
  hostname: "",
  interactive: false,
  name: "",
  network: "",
  publish: [],
  rm: false,
  tty: false,
  user: "",
  volume: [],
  workdir: "",
};

/** The request for these flags. parseContainerSpec() of the command line adds the fields of all other flags. */
export function toFastPathSpec(run: Omit<FastPathRun, "name">): ContainerCreateRequest {
  const { detach: isDetached, interactive: isInteractive, entrypoint, command, network: name } = run;
  const { bindings, exposed } = joinPublished(run.publish.map(readPublish));
  const hasPorts = run.publish.length > 0;
  const binds = run.volume.filter((volume) => volume.includes(":"));
  const anonymous = run.volume.filter((volume) => !volume.includes(":"));
  return {
    Hostname: run.hostname,
    Domainname: "",
    User: run.user,
    AttachStdin: isInteractive && !isDetached,
    AttachStdout: !isDetached,
    AttachStderr: !isDetached,
    Tty: run.tty,
    OpenStdin: isInteractive,
    StdinOnce: isInteractive && !isDetached,
    Env: run.env,
    Cmd: command.length === 0 ? null : command,
    Image: run.image,
    WorkingDir: run.workdir,
    Entrypoint: entrypoint === undefined ? null : [entrypoint],
    Labels: {},
    Volumes: anonymous.length === 0 ? undefined : Object.fromEntries(anonymous.map((path) => [path, {}])),
    ExposedPorts: hasPorts ? exposed : undefined,
    HostConfig: {
      AutoRemove: run.rm,
      Binds: binds.length === 0 ? undefined : binds,
      Privileged: false,
      ReadonlyRootfs: false,
      CapAdd: null,
      CapDrop: null,
      ExtraHosts: null,
      GroupAdd: null,
      SecurityOpt: null,
      NetworkMode: name || undefined,
      PortBindings: hasPorts ? bindings : undefined,
      ConsoleSize: run.tty ? run.consoleSize : undefined,
    },
    NetworkingConfig: name === "" ? undefined : { EndpointsConfig: { [name]: {} } },
  };
}

/** A name, not the long form. */
function isPlainNetwork(value: string): boolean {
  return !value.includes("=") && !value.includes(",") && value.trim() !== "";
}

/** A path or a name that means the same in the daemon: it does not depend on the client's directories. */
function isPlainVolume(value: string): boolean {
  const parts = value.split(":");
  return parts.length <= 3 && !parts.includes("") && /^[/A-Za-z0-9]/.test(value);
}

/** Ports that can be published, without an address or with one of IPv4. */
function isPlainPublish(value: string): boolean {
  try {
    const [, { HostIp }] = readPublish(value);
    return HostIp === "" || isPlainAddress(HostIp);
  } catch {
    return false;
  }
}

function isPlainAddress(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => String(Number(part) & 255) === part);
}
