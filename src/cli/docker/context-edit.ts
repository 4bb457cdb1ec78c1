import { Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";
import type { Call, Command } from "../command.ts";
import { string } from "../flags/kinds.ts";
import {
  checkEndpointWords,
  dockerFlag,
  endpointDescription,
  type EndpointWords,
  readKeyFiles,
} from "./context-options.ts";
import { checkContextName, type ContextStore, type StoredContext } from "./context-store.ts";
import { contextStore, currentContextName, withContextHost } from "./current-context.ts";

interface UpdateValues {
  readonly description: string;
  readonly docker: EndpointWords;
}

interface CreateValues extends UpdateValues {
  readonly from: string;
}

const updateFlags = { description: string("Description of the context"), docker: dockerFlag };

export const contextCreate: Command<CreateValues> = {
  usage: "[OPTIONS] CONTEXT",
  takes: [1, 1],
  flags: { ...updateFlags, from: string("create context from a named context", { names: "context" }) },
  startsDaemon: false,
  usesContext: false,
  description: endpointDescription,
  examples: ["tare context create other --docker host=unix:///run/other/tare.sock"],
  async run(call) {
    const { positional, values, context } = call;
    const [name = ""] = positional;
    checkContextName(name);
    const store = contextStore(context.env);
    if (store.find(name) !== undefined) throw new Failure("conflict", `context "${name}" already exists`);
    checkEndpointWords(values.docker);
    const keys = readKeyFiles(values.docker, context.cwd);
    const source = values.from || values.docker["from"];
    const basis =
      source !== undefined || values.docker["host"] === undefined
        ? sourceContext(call, store, source)
        : undefined;
    const { Metadata = {}, Endpoints = {} } = basis ?? {};
    const metadata = call.given.has("description")
      ? { ...Metadata, Description: values.description }
      : Metadata;
    store.save({
      Name: name,
      Metadata: metadata,
      Endpoints: basis === undefined ? { docker: endpointFrom(values.docker, {}) } : Endpoints,
    });
    if (basis !== undefined && basis.Name !== "default") store.copyKeys(basis.Name, name);
    store.saveKeys(name, keys);
    call.out(`${name}\n`);
    call.err(`Successfully created context "${name}"\n`);
    return 0;
  },
};

export const contextUpdate: Command<UpdateValues> = {
  usage: "[OPTIONS] CONTEXT",
  takes: [1, 1],
  flags: updateFlags,
  completes: ["context", "none"],
  startsDaemon: false,
  usesContext: false,
  description: endpointDescription,
  async run(call) {
    const { positional, values, context } = call;
    const [name = ""] = positional;
    checkContextName(name);
    const store = contextStore(context.env);
    const found = store.get(name);
    checkEndpointWords(values.docker);
    const keys = readKeyFiles(values.docker, context.cwd);
    const { from } = values.docker;
    const endpoint =
      from === undefined
        ? endpointFrom(values.docker, found.Endpoints["docker"])
        : store.get(from).Endpoints["docker"];
    const description = call.given.has("description") ? { Description: values.description } : {};
    store.save({
      Name: name,
      Metadata: { ...found.Metadata, ...description },
      Endpoints: { ...found.Endpoints, docker: endpoint },
    });
    if (from !== undefined) store.copyKeys(from, name);
    store.saveKeys(name, keys);
    call.out(`${name}\n`);
    call.err(`Successfully updated context "${name}"\n`);
    return 0;
  },
};

function endpointFrom({ host, "skip-tls-verify": skips }: EndpointWords, before: unknown): unknown {
  const known = isRecord(before) ? before : {};
  return {
    ...known,
    Host: host ?? known["Host"] ?? "",
    SkipTLSVerify: skips === undefined ? known["SkipTLSVerify"] === true : /^(1|t)/i.test(skips),
  };
}

/** The context that another is made from: by its name, or the current one. */
function sourceContext(call: Call<unknown>, store: ContextStore, name: string | undefined): StoredContext {
  const { globals, context } = call;
  const chosen = name ?? currentContextName(globals, context.env);
  return chosen === "default" ? defaultContext(call) : store.get(chosen);
}

/** What `default` stands for: the host that flags and environment choose. */
export function defaultContext({ globals, context: { env } }: Call<unknown>): StoredContext {
  const { host } = withContextHost({ ...globals, context: "default" }, env);
  return {
    Name: "default",
    Metadata: { Description: "Current DOCKER_HOST based configuration" },
    Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
  };
}
