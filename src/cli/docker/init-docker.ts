import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { bool, string } from "../flags/kinds.ts";
import { defaultHost } from "../global-flags.ts";
import { readDockerConfig, writeDockerConfig } from "../registry/config-file.ts";
import { checkContextName, endpointOf } from "./context-store.ts";
import { contextStore, currentContextName, ownContext } from "./current-context.ts";
import { findShellAlias, withAlias, withoutAlias } from "./shell-alias.ts";
import { dockerSocket, keepLink, placeLink, readOccupant, tmpfilesFile } from "./socket-link.ts";

interface Values {
  readonly method: string;
  readonly name: string;
  readonly undo: boolean;
}

const methods = ["context", "alias", "socket"];

/** A member of a context's metadata: the context that was the current one before. */
const previousMember = "TarePreviousContext";

export const initDocker: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    method: string(
      "How: a context of Docker's client, an alias of the shell, or the socket /var/run/docker.sock (default: context where there is a program docker, else alias)",
      { words: methods },
    ),
    name: string("Name of the context (default tare)"),
    undo: bool("Undo it"),
  },
  startsDaemon: false,
  usesContext: false,
  description:
    "Makes `docker`, and programs that look for Docker, use this engine. It prints what it changed. Repeating it changes nothing.",
  examples: [
    "tare init docker",
    "tare init docker --method alias",
    "sudo tare init docker --method socket",
    "tare init docker --method context --undo",
  ],
  async run(call) {
    const { method, undo } = call.values;
    const host = ownHost(call);
    const chosen = method || (hasDocker(call) ? "context" : "alias");
    const found = Object.hasOwn(actions, chosen) ? actions[chosen] : undefined;
    if (found === undefined) {
      throw new Failure("invalid", `unknown method "${chosen}": want ${methods.join(", ")}`);
    }
    await (undo ? found.undo : found.use)(call, host);
    return 0;
  },
};

type Action = (call: Call<Values>, host: string) => void | Promise<void>;

const actions: Readonly<Record<string, { readonly use: Action; readonly undo: Action }>> = {
  context: { use: useContext, undo: undoContext },
  alias: { use: useAlias, undo: undoAlias },
  socket: { use: useSocket, undo: undoSocket },
};

/** DOCKER_HOST and the current context may name another engine. */
function ownHost({ globals, context }: Call<unknown>): string {
  const isChosen = globals.hostFrom === "flag" || globals.hostFrom === "run-root";
  return isChosen ? globals.host : context.env["TARE_HOST"] || defaultHost;
}

function hasDocker({ context: { env } }: Call<unknown>): boolean {
  return (env["PATH"] ?? "")
    .split(":")
    .some((directory) => directory !== "" && existsSync(`${directory}/docker`));
}

// ---------------------------------------------------------------- context

function contextName({ values }: Call<Values>, host: string): string {
  const name = values.name || (host === defaultHost ? ownContext : `${ownContext}-${hostWords(host)}`);
  checkContextName(name);
  if (name === ownContext && host !== defaultHost) {
    throw new Failure(
      "invalid",
      `the context "${ownContext}" is for the socket ${defaultHost}; choose another --name`,
    );
  }
  return name;
}

/** The last words of an address: `unix:///tmp/x/run/tare.sock` → `tmp-x-run` */
function hostWords(host: string): string {
  return host
    .replace(/^\w+:\/+/, "")
    .replace(/\/?tare\.sock$/, "")
    .replace(/[^a-zA-Z0-9]+/g, "-");
}

function useContext(call: Call<Values>, host: string): void {
  const { env } = call.context;
  const name = contextName(call, host);
  const store = contextStore(env);
  const config = readDockerConfig(env);
  const found = store.find(name);
  const known = found !== undefined && endpointOf(found).Host === host;
  if (found !== undefined && !known && found.Metadata[previousMember] === undefined) {
    throw new Failure(
      "conflict",
      `the context "${name}" exists with the host ${endpointOf(found).Host}; choose another --name, or run: tare context rm ${name}`,
    );
  }
  const current = currentContextName({ hostFrom: "default" }, { ...env, DOCKER_CONTEXT: undefined });
  if (!known) {
    store.save({
      Name: name,
      Metadata: { Description: "Tare", [previousMember]: current === name ? "default" : current },
      Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
    });
  }
  if (current !== name) writeDockerConfig(config, { currentContext: name });
  if (known && current === name) call.out(`Already done: docker uses the context "${name}" (${host}).\n`);
  else call.out(`Docker's client uses the context "${name}" now (${host}): ${config.path}\n`);
  for (const variable of ["DOCKER_HOST", "DOCKER_CONTEXT"]) {
    if (env[variable])
      call.err(`WARNING: ${variable} overrides the current context; run: unset ${variable}\n`);
  }
}

function undoContext(call: Call<Values>, host: string): void {
  const { env } = call.context;
  const name = contextName(call, host);
  const store = contextStore(env);
  const config = readDockerConfig(env);
  const found = store.find(name);
  if (found?.Metadata[previousMember] === undefined) {
    call.out(`Nothing to undo: there is no context "${name}" of tare init docker.\n`);
    return;
  }
  const previous = found.Metadata[previousMember];
  if (config.document["currentContext"] === name) {
    const isThere =
      typeof previous === "string" && previous !== "default" && store.find(previous) !== undefined;
    writeDockerConfig(config, { currentContext: isThere ? previous : undefined });
    call.out(`Docker's client uses the context "${isThere ? previous : "default"}" again: ${config.path}\n`);
  }
  store.remove(name);
  call.out(`Removed the context "${name}".\n`);
}

// ---------------------------------------------------------------- alias

function aliasOf(
  { context: { env } }: Call<Values>,
  host: string,
): NonNullable<ReturnType<typeof findShellAlias>> {
  const found = findShellAlias(env, ["tare", ...(host === defaultHost ? [] : ["--host", host])]);
  if (found !== undefined) return found;
  throw new Failure(
    "unsupported",
    `cannot add an alias for the shell "${env["SHELL"] ?? ""}"; add it yourself: alias docker=tare`,
  );
}

function useAlias(call: Call<Values>, host: string): void {
  const { path, line } = aliasOf(call, host);
  const before = readText(path);
  const after = withAlias(before, line);
  if (after === before) call.out(`Already done: ${path} has ${line}\n`);
  else {
    writeText(path, after);
    call.out(`Added to ${path}: ${line}\nIt takes effect in the next shell; in this one, type: ${line}\n`);
  }
}

function undoAlias(call: Call<Values>): void {
  const { path } = aliasOf(call, defaultHost);
  const before = readText(path);
  const after = withoutAlias(before);
  if (after === before) call.out(`Nothing to undo: ${path} has no alias of tare init docker.\n`);
  else {
    writeText(path, after);
    call.out(`Removed the alias from ${path}; in this shell, type: unalias docker\n`);
  }
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** In place: people keep such files as links. */
function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

// ---------------------------------------------------------------- socket

function socketOf(host: string): string {
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  throw new Failure("invalid", `cannot link ${dockerSocket} to "${host}": it is no Unix socket`);
}

async function useSocket(call: Call<Values>, host: string): Promise<void> {
  const target = socketOf(host);
  requireRoot();
  const occupant = await readOccupant(dockerSocket, target);
  if (occupant === "listening") {
    throw new Failure(
      "conflict",
      `a daemon listens on ${dockerSocket}; stop it first (systemctl disable --now docker.socket docker.service), or run: tare init docker --method context`,
    );
  }
  if (occupant === "other")
    throw new Failure("conflict", `${dockerSocket} exists and is no socket; remove it first`);
  if (occupant === "ours") {
    call.out(`Already done: ${dockerSocket} is a link to ${target}.\n`);
    return;
  }
  placeLink(dockerSocket, target);
  call.out(`${dockerSocket} is a link to ${target} now.\n`);
  if (keepLink(dockerSocket, target)) call.out(`systemd creates it at each boot: ${tmpfilesFile}\n`);
  else call.out("It lasts until the next boot.\n");
}

async function undoSocket(call: Call<Values>, host: string): Promise<void> {
  requireRoot();
  const target = socketOf(host);
  const isOurs = (await readOccupant(dockerSocket, target)) === "ours";
  const isKept = existsSync(tmpfilesFile);
  if (isOurs) rmSync(dockerSocket, { force: true });
  rmSync(tmpfilesFile, { force: true });
  if (isOurs || isKept) call.out(`Removed the link ${dockerSocket}.\n`);
  else call.out(`Nothing to undo: ${dockerSocket} is no link to ${target}.\n`);
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Failure(
    "not-permitted",
    `cannot make ${dockerSocket}: it needs root; run: sudo tare init docker --method socket`,
  );
}
