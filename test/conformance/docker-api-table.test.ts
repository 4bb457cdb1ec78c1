import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  commandDifferences,
  type DockerDifference,
  flagDifferences,
  routeDifferences,
} from "../../scripts/docker-differences.mjs";
import { matchRoute } from "../../src/api/http/route-match.ts";
import { routes } from "../../src/api/http/routes.ts";
import { commands } from "../../src/cli/commands.ts";
import { globalFlags } from "../../src/cli/global-flags.ts";
import { findDockerCli } from "../support/docker-cli.ts";
import { startBuildDaemon } from "../support/build-daemon.ts";
import { rawRequest, requestText, statusOf } from "../unit/daemon/raw-request.ts";
import { findSwagger } from "../support/swagger.ts";

const dockerRoutes = routes.filter(({ path }) => !path.startsWith("/tare"));
const keys = dockerRoutes.map(({ method, path }) => `${method} ${path}`);

describe("the table of Docker's routes", () => {
  test("names only routes that there are", () => {
    expect(Object.keys(routeDifferences).filter((key) => !keys.includes(key))).toEqual([]);
  });

  test("a route that works has an answer, any other one the status of the table", async () => {
    await using daemon = await startBuildDaemon();
    const answers: string[] = [];
    for (const { method, path, body } of dockerRoutes) {
      const key = `${method} ${path}`;
      const target = path.replaceAll(/\{[^}]+\}/g, "absent");
      const query = target === "/events" ? "?until=1" : "";
      const text = requestText(`${method} ${target}${query}`, body === "json" ? "{}" : "");
      const reply = await rawRequest(daemon.socketPath, text, { until: /\r\n\r\n/ });
      const status = statusOf(reply);
      const { state, status: expected } = routeDifferences[key] ?? { state: "yes" };
      const isAsSaid =
        state === "no" ? status === expected : status !== 501 && !reply.includes("page not found");
      if (!isAsSaid) answers.push(`${key}: ${status}, in the table ${state} ${expected ?? ""}`);
    }
    expect(answers).toEqual([]);
  });
});

function isRoute(method: string, path: string): boolean {
  try {
    return matchRoute(method, path) !== undefined;
  } catch {
    return false;
  }
}

describe.skipIf(findSwagger("1.56") === undefined)("the reference's routes", () => {
  test.each(["1.45", "1.51", "1.56"])("of version %s are in the table", (version) => {
    const folder = process.env["TARE_REFERENCE"] ?? "";
    const text = readFileSync(join(folder, `docker-api-v${version}.yaml`), "utf8");
    const { paths } = Bun.YAML.parse(text) as { paths: Record<string, Record<string, unknown>> };
    const methods = new Set(["get", "head", "post", "put", "delete"]);
    const missing = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((method) => methods.has(method))
        .map((method) => method.toUpperCase())
        .filter((method) => !isRoute(method, path.replaceAll(/\{[^}]+\}/g, "absent")))
        .map((method) => `${method} ${path}`),
    );
    expect(Object.keys(paths).length).toBeGreaterThan(90);
    expect(missing).toEqual([]);
  });
});

interface Help {
  readonly commands: readonly string[];
  readonly flags: readonly { readonly name: string; readonly short: string | undefined }[];
}

/** What `docker … --help` lists. */
function helpOf(docker: string, words: readonly string[]): Help {
  const { stdout } = spawnSync(docker, [...words, "--help"], { encoding: "utf8" });
  const found: { commands: string[]; flags: { name: string; short: string | undefined }[] } = {
    commands: [],
    flags: [],
  };
  let heading = "";
  for (const line of stdout.split("\n")) {
    if (/^[A-Z].*:$/.test(line)) heading = line;
    const command = /^ {2}([a-z][\w-]*)\*? {2,}/.exec(line)?.[1];
    if (heading.includes("Commands") && command !== undefined) found.commands.push(command);
    const flag = /^\s+(?:-(\w), )?--([\w-]+)/.exec(line);
    if (heading.includes("Options") && flag?.[2] !== undefined)
      found.flags.push({ name: flag[2], short: flag[1] });
  }
  return found;
}

interface SomeFlag {
  readonly short?: string | undefined;
  readonly laterUnless?: readonly string[] | undefined;
}

async function flagsOf(
  entry: (typeof commands.entries)[number],
): Promise<Readonly<Record<string, SomeFlag | undefined>>> {
  return (await entry.load()).flags;
}

const docker = findDockerCli();

describe.skipIf(docker === undefined)("the table of Docker's commands", () => {
  const inTable = (name: string): DockerDifference | undefined =>
    commandDifferences[name] ?? commandDifferences[name.split(" ")[0] ?? ""];

  test("an installed docker has no command and no flag that is neither here nor in the table", async () => {
    const problems: string[] = [];
    let count = 0;
    const walk = async (words: readonly string[]): Promise<void> => {
      const name = words.join(" ");
      if (words.length > 0 && inTable(name) !== undefined) return;
      const help = helpOf(docker ?? "", words);
      for (const command of help.commands) await walk([...words, command]);
      if (help.commands.length > 0) return;
      const entry = commands.entries.find(({ names }) => names.includes(name));
      if (entry === undefined) {
        problems.push(`there is no command ${name}`);
        return;
      }
      count++;
      const flags = await flagsOf(entry);
      const [main = name] = entry.names.filter((each) => each in flagDifferences);
      for (const { name: flag, short } of help.flags) {
        const own = flags[flag];
        const isAbsent = own === undefined || own.laterUnless !== undefined;
        const isInTable =
          flagDifferences[main]?.[flag] !== undefined ||
          (name.endsWith("create") && flagDifferences["run"]?.[flag]);
        if (isAbsent && !isInTable && flag !== "help") problems.push(`${name} has no --${flag}`);
        if (own !== undefined && own.short !== short)
          problems.push(`${name} --${flag} is -${own.short}, not -${short}`);
      }
    };
    await walk([]);
    for (const { name } of helpOf(docker ?? "", []).flags) {
      if (!(name in globalFlags)) problems.push(`there is no --${name} before the command`);
    }
    expect(problems).toEqual([]);
    expect(count).toBeGreaterThan(80);
  }, 120_000);

  test("has no command and no flag that works", async () => {
    const names = new Set(commands.entries.flatMap((entry) => (entry.isHidden === true ? [] : entry.names)));
    const working = Object.entries(commandDifferences)
      .filter(([name, { state } = { state: "no" }]) => state === "no" && names.has(name))
      .map(([name]) => name);
    for (const [name, flags] of Object.entries(flagDifferences)) {
      const entry = commands.entries.find((each) => each.names.includes(name));
      const own = entry === undefined ? {} : await flagsOf(entry);
      for (const flag of Object.keys(flags ?? {})) {
        if (own[flag] !== undefined && own[flag].laterUnless === undefined) working.push(`${name} --${flag}`);
      }
    }
    expect(working).toEqual([]);
  });
});
