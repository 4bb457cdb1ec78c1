import { Failure } from "../../base/failure.ts";
import { readFields } from "../http/field-schemas.ts";
import { type FastPathExec, readFastPathExec } from "./fast-path-exec.ts";
import { type FastPathLogs, readFastPathLogs } from "./fast-path-logs.ts";
import { type FastPathRun, readFastPathRun } from "./fast-path-run.ts";
import type { ConsoleSize } from "./fast-path-words.ts";

/**
 * The body of `POST /tare/run`: the words of a fast-path run, from a client of this build. Throws Failure("invalid"),
 * "conflict" for another build, whose words may mean something else, and "unsupported" for words that are not plain, or
 * for which a client has more to do than to copy streams.
 */
export function parseFastPathRun(body: unknown, buildId: string): FastPathRun {
  const { words, columns, ...terminal } = readRequest(body, buildId);
  const run = readFastPathRun(words);
  // The command line reports to a terminal from where a port can be reached.
  if (run === undefined || (run.detach && run.publish.length > 0 && columns > 0)) refuse("run");
  if (!run.detach) requireTerminal(run, terminal);
  return { ...run, consoleSize: terminal.consoleSize };
}

/** The body of `POST /tare/exec`; as parseFastPathRun(). */
export function parseFastPathExec(body: unknown, buildId: string): FastPathExec {
  const { words, ...terminal } = readRequest(body, buildId);
  const exec = readFastPathExec(words) ?? refuse("exec");
  requireTerminal(exec, terminal);
  return { ...exec, consoleSize: terminal.consoleSize };
}

/** Input of a terminal is typed at one. */
function requireTerminal(
  { tty, interactive }: { readonly tty: boolean; readonly interactive: boolean },
  { typed }: { readonly typed: boolean },
): void {
  if (tty && interactive && !typed) throw new Failure("unsupported", "the input device is not a TTY");
}

/** The body of `POST /tare/command`: the words of a command with its name, and how wide the client's terminal is. */
export function parseCommandRequest(body: unknown, buildId: string): CommandRequest {
  const { words, columns } = readRequest(body, buildId);
  return { words, columns };
}

/** What a launcher sends. */
export interface CommandRequest {
  readonly words: readonly string[];
  /** 0: its output is no terminal. */
  readonly columns: number;
}

interface LauncherRequest extends CommandRequest {
  /** Its standard input is a terminal. */
  readonly typed: boolean;
  /** Of the terminal that its output is. */
  readonly consoleSize: ConsoleSize | undefined;
}

/** The body of `POST /tare/logs`; as parseFastPathRun(). */
export function parseFastPathLogs(body: unknown, buildId: string): FastPathLogs {
  return readFastPathLogs(readRequest(body, buildId).words) ?? refuse("logs");
}

function readRequest(body: unknown, buildId: string): LauncherRequest {
  const fields = readFields(
    body ?? {},
    { Build: "text", Words: "texts", Rows: "integer", Columns: "integer", Typed: "boolean" },
    "",
  );
  const {
    Build: build,
    Words: words = [],
    Rows: rows = 0,
    Columns: columns = 0,
    Typed: typed = false,
  } = fields;
  if (build !== buildId)
    throw new Failure("conflict", "cannot read a command: its words are of another build");
  // SPEC: ioctl_tty(2): ws_col has 16 bits.
  for (const [name, value] of Object.entries({ Columns: columns, Rows: rows }))
    if (value < 0 || value > 65_535)
      throw new Failure("invalid", `cannot read ${name}: ${value} is not between 0 and 65535`);
  const consoleSize = rows > 0 && columns > 0 ? ([rows, columns] as const) : undefined;
  return { words, columns, typed, consoleSize };
}

function refuse(command: string): never {
  throw new Failure(
    "unsupported",
    `cannot read the words of ${command}: there are other flags than a client can leave to the daemon`,
  );
}
