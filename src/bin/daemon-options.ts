import { mergeDefined } from "../base/defined.ts";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { keysOf } from "../base/keys.ts";
import { type Parsed, parseFlags } from "../cli/flags/parse.ts";
import { type GlobalFlag, type GlobalValues, globalFlags } from "../cli/global-flags.ts";
import type { EngineSettings } from "../model/engine-settings.ts";
import { parseSocketMode } from "../spec/socket-mode.ts";

export interface DaemonOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Undefined: the service manager's socket (`--host fd://`). */
  readonly socketPath: string | undefined;
  /** Of the socket, when the daemon makes it; access to it is root access to the machine. */
  readonly socketGroup: string | undefined;
  readonly socketMode: number;
  readonly settings: EngineSettings;
  readonly debug: boolean;
}

/**
 * The flags of `tare daemon`, before or after the word. Environment variables that select a daemon are ignored here.
 */
export async function parseDaemonOptions(argv: readonly string[]): Promise<DaemonOptions> {
  const parsed = parseFlags<GlobalValues>(globalFlags, argv, { optionsEnd: "dashes" });
  const unexpected = parsed.positional.filter((word) => word !== "daemon");
  if (unexpected.length > 0)
    throw new Failure("invalid", `cannot start the daemon: unexpected argument "${unexpected[0]}"`);
  const values = parsed.values;
  const runRoot = values["run-root"] ?? "/run/tare";
  const host = values.host ?? `unix://${join(runRoot, "tare.sock")}`;
  if (!host.startsWith("unix:///") && host !== "fd://") {
    throw new Failure(
      "invalid",
      `cannot serve at "${host}": the daemon listens on Unix sockets only (unix:///path, or fd:// for the service manager's)`,
    );
  }
  return {
    dataRoot: values["data-root"] ?? "/var/lib/tare",
    runRoot,
    socketPath: host === "fd://" ? undefined : host.slice("unix://".length),
    socketGroup: values["socket-group"],
    socketMode: parseSocketMode(values["socket-mode"] ?? "0660"),
    settings: await settingsOf(parsed),
    debug: values.debug,
  };
}

async function settingsOf({ given, values }: Parsed<GlobalValues>): Promise<EngineSettings> {
  let settings: EngineSettings = {};
  for (const name of keysOf(globalFlags)) {
    const flag: GlobalFlag<unknown> = globalFlags[name];
    const value = values[name];
    if (flag.toSettings === undefined || !given.has(name) || value === undefined || value === null) continue;
    settings = mergeDefined(settings, await flag.toSettings(value));
  }
  return settings;
}

/** `tare [flags] daemon`, but not `tare daemon stop` or `tare daemon --help`. */
export function isDaemonCommand(words: readonly string[]): boolean {
  const valued = new Set(
    Object.entries<GlobalFlag<unknown>>(globalFlags).flatMap(([name, { type, short }]) =>
      type === "" ? [] : [`--${name}`, ...(short === undefined ? [] : [`-${short}`])],
    ),
  );
  let at = 0;
  while (at < words.length && (words[at] ?? "").startsWith("-")) at += valued.has(words[at] ?? "") ? 2 : 1;
  if (words[at] !== "daemon") return false;
  return words
    .slice(at + 1)
    .every(
      (word, i, rest) =>
        word !== "--help" && word !== "-h" && (word.startsWith("-") || valued.has(rest[i - 1] ?? "")),
    );
}
