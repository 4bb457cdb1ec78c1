import type { SystemVersion } from "../../api/types/system.ts";
import { clientVersion as apiVersion, formatApiVersion } from "../../api/http/version.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import type { CliContext } from "../context.ts";
import { objectFormat } from "../flags/filters.ts";
import { compileTemplate } from "../format/template.ts";

interface Values {
  readonly format: string;
}

export const version: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { format: objectFormat },
  async run(call) {
    const { format } = call.values;
    const template = format === "" ? undefined : compileTemplate(format === "json" ? "{{json .}}" : format);
    const client = clientVersion(call.context);
    let server: SystemVersion | null = null;
    let problem: unknown;
    try {
      server = await (await call.client()).system.version();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      problem = thrown;
    }
    // The client's half is shown also when there is no daemon to ask.
    if (template === undefined)
      call.out(formatClient(client) + (server === null ? "" : formatServer(server)));
    else call.out(`${template.render({ Client: client, Server: server })}\n`);
    if (problem !== undefined) throw problem;
    return 0;
  },
};

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly GitCommit: string;
  readonly RuntimeVersion: string;
  readonly Os: string;
  readonly Arch: string;
}

function clientVersion({ build }: CliContext): ClientVersion {
  const { bun } = process.versions;
  return {
    Version: build.version,
    ApiVersion: formatApiVersion(apiVersion),
    GitCommit: build.commit,
    RuntimeVersion: bun === undefined ? `node ${process.versions.node}` : `bun ${bun}`,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
  };
}

function formatClient(client: ClientVersion): string {
  return lines("Client:", 1, [
    ["Version", client.Version],
    ["API version", client.ApiVersion],
    ["Runtime", client.RuntimeVersion],
    ["Git commit", client.GitCommit],
    ["OS/Arch", `${client.Os}/${client.Arch}`],
  ]);
}

function formatServer(server: SystemVersion): string {
  const engine = lines(" Engine:", 2, [
    ["Version", server.Version],
    ["API version", `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`],
    ["Runtime", server.GoVersion],
    ["Git commit", server.GitCommit],
    ["Built", server.BuildTime],
    ["OS/Arch", `${server.Os}/${server.Arch}`],
    ["Kernel", server.KernelVersion],
  ]);
  const others = (server.Components ?? []).filter(({ Name }) => Name !== "Engine");
  const name = server.Platform?.Name ?? "";
  return [
    `\nServer:${name === "" ? "" : ` ${name}`}\n${engine}`,
    ...others.map(({ Name, Version, Details }) =>
      lines(` ${Name}:`, 2, [["Version", Version], ...Object.entries(Details ?? {})]),
    ),
  ].join("");
}

function lines(title: string, indent: number, rows: readonly (readonly [string, string])[]): string {
  const width = 19 - indent + 1;
  const text = rows
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${" ".repeat(indent)}${`${name}:`.padEnd(width)}${value}\n`);
  return `${title}\n${text.join("")}`;
}
