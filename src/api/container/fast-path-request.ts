import { Failure } from "../../base/failure.ts";
import { readFields } from "../http/field-schemas.ts";
import { type FastPathExec, readFastPathExec } from "./fast-path-exec.ts";
import { type FastPathRun, readFastPathRun } from "./fast-path-run.ts";

/**
 * The body of `POST /tare/run`: the words of a fast-path run, from a client of this build. Throws Failure("invalid"),
 * "conflict" for another build, whose words may mean something else, and "unsupported" for words that are not plain, or
 * for which a client has more to do than to copy streams.
 */
export function parseFastPathRun(body: unknown, buildId: string): FastPathRun {
  const run = readFastPathRun(readWords(body, buildId));
  // The command line reports to a terminal from where a port can be reached.
  if (run === undefined || (run.detach && run.publish.length > 0)) throw refused("run");
  return run;
}

/** The body of `POST /tare/exec`; as parseFastPathRun(). */
export function parseFastPathExec(body: unknown, buildId: string): FastPathExec {
  return readFastPathExec(readWords(body, buildId)) ?? refuse("exec");
}

function readWords(body: unknown, buildId: string): readonly string[] {
  const { Build: build, Words: words = [] } = readFields(body ?? {}, { Build: "text", Words: "texts" }, "");
  if (build !== buildId)
    throw new Failure("conflict", "cannot read a command: its words are of another build");
  return words;
}

function refuse(command: string): never {
  throw refused(command);
}

function refused(command: string): Failure {
  return new Failure(
    "unsupported",
    `cannot read the words of ${command}: there are other flags than a client can leave to the daemon`,
  );
}
