import { sentenceOf } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { listFormat, objectFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows, type Listing, type Row } from "../format/rows.ts";
import { compileTemplate } from "../format/template.ts";
import { formatJson } from "../../spec/template/values.ts";
import { defaultContext } from "./context-edit.ts";
import { type ContextStore, descriptionOf, endpointOf, type StoredContext } from "./context-store.ts";
import { contextStore, currentContextName } from "./current-context.ts";

interface ListValues {
  readonly format: string;
  readonly quiet: boolean;
}

const listing: Listing = {
  rowName: "context",
  headings: {
    Name: "NAME",
    Description: "DESCRIPTION",
    DockerEndpoint: "DOCKER ENDPOINT",
    Current: "", // it is a mark behind the name
    Error: "ERROR",
    ContextType: "TYPE",
  },
  table: "{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
  quiet: "{{.Name}}",
};

export const contextLs: Command<ListValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { format: listFormat, quiet: bool("Only show context names", { short: "q" }) },
  startsDaemon: false,
  usesContext: false,
  async run(call) {
    const { globals, context, values } = call;
    const current = currentContextName(globals, context.env);
    const found = [defaultContext(call), ...contextStore(context.env).list()];
    const rows = found
      .map((each) => contextRow(each, current))
      .sort((one, other) => (String(one["Name"]) < String(other["Name"]) ? -1 : 1));
    const isMissing = !found.some(({ Name }) => Name === current);
    const absent = {
      Name: current,
      Description: "",
      DockerEndpoint: "",
      Current: true,
      Error: `context "${current}": context not found`,
      ContextType: "",
    };
    call.out(
      formatRows(isMissing ? [...rows, absent] : rows, listing, {
        format: values.format,
        isQuiet: values.quiet,
      }),
    );
    if (globals.hostFrom === "environment" && !values.quiet) {
      call.err(
        `Warning: ${variableOf(call)} environment variable overrides the active context. To use a context, either set the global --context flag, or unset ${variableOf(call)} environment variable.\n`,
      );
    }
    return 0;
  },
};

/** The variable that chooses the host. */
export function variableOf({ context: { env } }: Call<unknown>): string {
  return env["TARE_HOST"] ? "TARE_HOST" : "DOCKER_HOST";
}

function contextRow(context: StoredContext, current: string): Row {
  let host = "";
  let problem = "";
  try {
    host = endpointOf(context).Host;
  } catch (thrown) {
    problem = sentenceOf(thrown);
  }
  return {
    Name: context.Name,
    Description: descriptionOf(context),
    DockerEndpoint: host,
    Current: context.Name === current,
    Error: problem,
    ContextType: "moby",
  };
}

export const contextShow: Command<object> = {
  usage: "",
  takes: [0, 0],
  flags: {},
  startsDaemon: false,
  usesContext: false,
  async run(call) {
    call.out(`${currentContextName(call.globals, call.context.env)}\n`);
    return 0;
  },
};

export const contextInspect: Command<{ readonly format: string }> = {
  usage: "[OPTIONS] [CONTEXT] [CONTEXT...]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: { format: objectFormat },
  completes: ["context"],
  startsDaemon: false,
  usesContext: false,
  async run(call) {
    const { globals, context, values, positional } = call;
    const template =
      values.format === ""
        ? undefined
        : compileTemplate(values.format === "json" ? "{{json .}}" : values.format);
    const store = contextStore(context.env);
    const names = positional.length > 0 ? positional : [currentContextName(globals, context.env)];
    const found: unknown[] = [];
    let problem: unknown;
    for (const name of names) {
      try {
        found.push(describe(store, name === "default" ? defaultContext(call) : store.get(name)));
      } catch (thrown) {
        problem = thrown;
        break;
      }
    }
    if (template !== undefined) for (const one of found) call.out(`${template.render(one)}\n`);
    else call.out(`${found.length === 0 ? "[]" : formatJson(found, { indent: 4 })}\n`);
    if (problem !== undefined) throw problem;
    return 0;
  },
};

function describe(store: ContextStore, context: StoredContext): unknown {
  const { metadata, tls } = store.paths(context.Name);
  const isDefault = context.Name === "default";
  return {
    Name: context.Name,
    Metadata: isDefault ? {} : context.Metadata,
    Endpoints: context.Endpoints,
    TLSMaterial: isDefault ? {} : store.keyFiles(context.Name),
    Storage: isDefault
      ? { MetadataPath: "<IN MEMORY>", TLSPath: "<IN MEMORY>" }
      : { MetadataPath: metadata, TLSPath: tls },
  };
}
