import { dirname } from "node:path";
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
 * given, then DOCKER_CONTEXT, then `currentContext` of the configuration.
 * An unreadable one has none: commands that need more of it report that.
 */
export function currentContextName(
  globals: Pick<GlobalOptions, "hostFrom" | "context">,
  env: Environment,
): string {
  if (globals.context !== undefined) return globals.context;
  if (globals.hostFrom !== "default") return "default";
  const { DOCKER_CONTEXT: chosen = "" } = env;
  if (chosen !== "") return chosen;
  const { currentContext } = documentOf(env);
  return typeof currentContext === "string" && currentContext !== "" ? currentContext : "default";
}

function documentOf(env: Environment): Readonly<Record<string, unknown>> {
  try {
    return readDockerConfig(env).document;
  } catch {
    return {};
  }
}

/** The options with the host of their context. Throws "not-found" for one that does not exist. */
export function withContextHost(globals: GlobalOptions, env: Environment): GlobalOptions {
  const name = currentContextName(globals, env);
  if (name === "default" || name === ownContext) return globals;
  const context = contextStore(env).get(name);
  const { Host: host } = endpointOf(context);
  return host === defaultHost ? globals : { ...globals, host, hostFrom: "context" };
}
