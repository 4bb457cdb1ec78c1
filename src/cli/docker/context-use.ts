import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";
import { readDockerConfig, writeDockerConfig } from "../registry/config-file.ts";
import { variableOf } from "./context-ls.ts";
import { checkContextName } from "./context-store.ts";
import { contextStore, currentContextName } from "./current-context.ts";

export const contextUse: Command<object> = {
  usage: "CONTEXT",
  takes: [1, 1],
  flags: {},
  completes: ["context", "none"],
  startsDaemon: false,
  usesContext: false,
  async run({ positional, context, globals, ...call }) {
    const [name = ""] = positional;
    if (name !== "default") {
      checkContextName(name);
      contextStore(context.env).get(name);
    }
    const config = readDockerConfig(context.env);
    if (config.document["currentContext"] !== name) {
      writeDockerConfig(config, { currentContext: name === "default" ? undefined : name });
    }
    call.out(`${name}\n`);
    call.err(`Current context is now "${name}"\n`);
    if (globals.hostFrom === "environment" && name !== "default") {
      const variable = variableOf({ ...call, positional, context, globals });
      call.err(
        `Warning: ${variable} environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset ${variable} environment variable.\n`,
      );
    }
    return 0;
  },
};

export const contextRm: Command<{ readonly force: boolean }> = {
  usage: "CONTEXT [CONTEXT...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { force: bool("Force the removal of a context in use", { short: "f" }) },
  completes: ["context"],
  startsDaemon: false,
  usesContext: false,
  async run({ positional, values, context, globals, ...call }) {
    const store = contextStore(context.env);
    const current = currentContextName(globals, context.env);
    const problems: string[] = [];
    for (const name of positional) {
      if (name === "default") problems.push('context "default" cannot be removed');
      else if (store.find(name) === undefined) {
        if (!values.force) problems.push(`context "${name}" does not exist`);
      } else if (name === current && !values.force)
        problems.push(`context "${name}" is in use, set -f flag to force remove`);
      else {
        store.remove(name);
        const config = readDockerConfig(context.env);
        if (config.document["currentContext"] === name)
          writeDockerConfig(config, { currentContext: undefined });
        call.out(`${name}\n`);
      }
    }
    if (problems.length > 0) throw new Failure("invalid", problems.join("\n"));
    return 0;
  },
};
