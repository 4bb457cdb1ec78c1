import { Failure } from "../../base/failure.ts";
import { readFields } from "../http/field-schemas.ts";
import { type FastPathExec, readFastPathExec } from "./fast-path-exec.ts";
import { type FastPathLogs, readFastPathLogs } from "./fast-path-logs.ts";
import { type FastPathRun, readFastPathRun } from "./fast-path-run.ts";

/**
 * The body of `POST /tare/run`: the words of a fast-path run, from a client of this build. Throws Failure("invalid"),
 * "conflict" for another build, whose words may mean something else, and "unsupported" for words that are not plain, or
 * for which a client has more to do than to copy streams.
 */
export function parseFastPathRun(body: unknown, buildId: string): FastPathRun {
  const { words, columns } = readRequest(body, buildId);
  const run = readFastPathRun(words);
  // The command line reports to a terminal from where a port can be reached.
  if (run === undefined || (run.detach && run.publish.length > 0 && columns > 0)) refuse("run");
  return run;
}

/** The body of `POST /tare/exec`; as parseFastPathRun(). */
export function parseFastPathExec(body: unknown, buildId: string): FastPathExec {
  return readFastPathExec(readRequest(body, buildId).words) ?? refuse("exec");
}

/** The body of `POST /tare/command`: the words of a command with its name, and how wide the client's terminal is. */
export function parseCommandRequest(body: unknown, buildId: string): CommandRequest {
  return readRequest(body, buildId);
}

/** What a launcher sends. */
export interface CommandRequest {
  readonly words: readonly string[];
  /** 0: its output is no terminal. */
  readonly columns: number;
}

/** The body of `POST /tare/logs`; as parseFastPathRun(). */
export function parseFastPathLogs(body: unknown, buildId: string): FastPathLogs {
  return readFastPathLogs(readRequest(body, buildId).words) ?? refuse("logs");
}

function readRequest(body: unknown, buildId: string): CommandRequest {
  const fields = readFields(body ?? {}, { Build: "text", Words: "texts", Columns: "integer" }, "");
  const { Build: build, Words: words = [], Columns: columns = 0 } = fields;
  if (build !== buildId)
    throw new Failure("conflict", "cannot read a command: its words are of another build");
  // SPEC: ioctl_tty(2): ws_col has 16 bits.
  if (columns < 0 || columns > 65_535)
    throw new Failure("invalid", `cannot read Columns: ${columns} is not between 0 and 65535`);
  return { words, columns };
}

function refuse(command: string): never {
  throw new Failure(
    "unsupported",
    `cannot read the words of ${command}: there are other flags than a client can leave to the daemon`,
  );
}
