import { dirname } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { GlobalOptions } from "../context.ts";
import { defaultHost } from "../global-flags.ts";
import { readDockerConfig } from "../registry/config-file.ts";
import { ContextStore, endpointOf } from "./context-store.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The context of this name is Tare's own: for its commands it means the default socket, whatever the store has. So a
 * configuration whose current context is Tare costs its commands nothing (native/launcher.c).
 */
export const ownContext = "tare";

/** The store in the directory of Docker's client configuration. */
export function contextStore(env: Environment): ContextStore {
  return new ContextStore(dirname(readDockerConfig(env).path));
}

/**
 * The name of the context that commands use, as Docker chooses it: `--context`, then the default for a host that was
 * given, then DOCKER_CONTEXT, then `currentContext` of the configuration. Throws "invalid" for an unreadable one.
 */
export function currentContextName(
  globals: Pick<GlobalOptions, "hostFrom" | "context">,
  env: Environment,
): string {
  if (globals.context !== undefined) return globals.context;
  if (globals.hostFrom !== "default") return "default";
  const { DOCKER_CONTEXT: chosen = "" } = env;
  if (chosen !== "") return chosen;
  const { path, document } = readDockerConfig(env);
  const { currentContext = "" } = document;
  if (typeof currentContext !== "string")
    throw new Failure("invalid", `cannot read ${path}: currentContext must be a text`);
  return currentContext || "default";
}

/** The options with the host of their context. Throws "not-found" for one that does not exist. */
export function withContextHost(globals: GlobalOptions, env: Environment): GlobalOptions {
  const name = currentContextName(globals, env);
  if (name === "default" || name === ownContext) return globals;
  const context = contextStore(env).get(name);
  const { Host: host } = endpointOf(context);
  return host === defaultHost ? globals : { ...globals, host, hostFrom: "context" };
}
