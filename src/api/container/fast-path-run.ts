import { joinPublished, readPublish } from "./publish-flag.ts";
import type { ContainerCreateRequest } from "../types/container.ts";

/** What plain flags of `run` say; "" and undefined: nothing. */
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
  readonly user: string;
  readonly workdir: string;
  readonly image: string;
  readonly command: readonly string[];
}

type Texts = "entrypoint" | "hostname" | "name" | "network" | "user" | "workdir";
type Switches = "detach" | "interactive" | "rm";
type PlainFlag =
  | { readonly turns: Switches }
  | {
      readonly sets: Texts | "env" | "publish";
      /** What else is left to the command with all flags. */
      readonly takes?: (value: string) => boolean;
    };

const detach: PlainFlag = { turns: "detach" };
const interactive: PlainFlag = { turns: "interactive" };
const env: PlainFlag = { sets: "env", takes: isPlainVariable };
const hostname: PlainFlag = { sets: "hostname" };
const network: PlainFlag = { sets: "network", takes: isPlainNetwork };
const publish: PlainFlag = { sets: "publish", takes: isPlainPublish };
const user: PlainFlag = { sets: "user" };
const workdir: PlainFlag = { sets: "workdir" };

/** The flags of run that most uses of it do with, as they may be written. */
const plainFlags: Readonly<Record<string, PlainFlag>> = {
  "--detach": detach,
  "--entrypoint": { sets: "entrypoint" },
  "--env": env,
  "--hostname": hostname,
  "--interactive": interactive,
  "--name": { sets: "name" },
  "--net": network,
  "--network": network,
  "--publish": publish,
  "--rm": { turns: "rm" },
  "--user": user,
  "--workdir": workdir,
  "-d": detach,
  "-e": env,
  "-h": hostname,
  "-i": interactive,
  "-p": publish,
  "-u": user,
  "-w": workdir,
};

/**
 * What a run with these words asks for; undefined when it has any but plain flags, or no image. `commands/run.ts` of the command line asks
 * for the same by the same words, but its 150 flags take 1 ms to load and to plan with.
 */
export function readFastPathRun(words: readonly string[]): FastPathRun | undefined {
  const texts: Partial<Record<Texts, string>> = {};
  const switches: Partial<Record<Switches, boolean>> = {};
  const lists = { env: [] as string[], publish: [] as string[] };
  let at = 0;
  for (; (words[at] ?? "").startsWith("-"); at++) {
    const word = words[at] ?? "";
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = equals === -1 ? word : word.slice(0, equals);
    const flag = Object.hasOwn(plainFlags, name) ? plainFlags[name] : undefined;
    if (flag === undefined) return undefined;
    if ("turns" in flag) {
      if (equals !== -1) return undefined;
      switches[flag.turns] = true;
      continue;
    }
    const value = equals === -1 ? words[++at] : word.slice(equals + 1);
    if (value === undefined || flag.takes?.(value) === false) return undefined;
    if (flag.sets === "env" || flag.sets === "publish") lists[flag.sets].push(value);
    else if (flag.sets !== "network") texts[flag.sets] = value;
    else if (texts.network !== undefined) return undefined;
    else texts.network = value.trim();
  }
  const image = words[at];
  if (image === undefined) return undefined;
  return {
    detach: switches.detach ?? false,
    entrypoint: texts.entrypoint,
    ...lists,
    hostname: texts.hostname ?? "",
    interactive: switches.interactive ?? false,
    name: texts.name ?? "",
    network: texts.network ?? "",
    rm: switches.rm ?? false,
    user: texts.user ?? "",
    workdir: texts.workdir ?? "",
    image,
    command: words.slice(at + 1),
  };
}

/** As planContainer() of the command line with nothing else given. */
export function planFastPathRun(run: Omit<FastPathRun, "name">): ContainerCreateRequest {
  const { detach: isDetached, interactive: isInteractive, entrypoint, command, network: name } = run;
  const { bindings, exposed } = joinPublished(run.publish.map(readPublish));
  const hasPorts = run.publish.length > 0;
  return {
    Hostname: run.hostname,
    Domainname: "",
    User: run.user,
    AttachStdin: isInteractive && !isDetached,
    AttachStdout: !isDetached,
    AttachStderr: !isDetached,
    Tty: false,
    OpenStdin: isInteractive,
    StdinOnce: isInteractive && !isDetached,
    Env: run.env,
    Cmd: command.length === 0 ? null : command,
    Image: run.image,
    WorkingDir: run.workdir,
    Entrypoint: entrypoint === undefined ? null : [entrypoint],
    Labels: {},
    ...(hasPorts ? { ExposedPorts: exposed } : {}),
    HostConfig: {
      AutoRemove: run.rm,
      Privileged: false,
      ReadonlyRootfs: false,
      CapAdd: null,
      CapDrop: null,
      ExtraHosts: null,
      GroupAdd: null,
      SecurityOpt: null,
      ...(name === "" ? {} : { NetworkMode: name }),
      ...(hasPorts ? { PortBindings: bindings } : {}),
    },
    ...(name === "" ? {} : { NetworkingConfig: { EndpointsConfig: { [name]: {} } } }),
  };
}

/** One that has a value: it is not asked for by its name. */
function isPlainVariable(value: string): boolean {
  return value.indexOf("=") > 0;
}

/** A name, not the long form. */
function isPlainNetwork(value: string): boolean {
  return !value.includes("=") && !value.includes(",") && value.trim() !== "";
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
