import { Failure } from "../../base/failure.ts";
import { type FastPathRun, readFastPathRun } from "./fast-path-run.ts";
import { readFields } from "../http/field-schemas.ts";

/**
 * The body of `POST /tare/run`: the words of a fast-path run, from a client of this build. Throws Failure("invalid"),
 * "conflict" for another build, whose words may mean something else, and "unsupported" for words that are not plain, or
 * for which a client has more to do than to print.
 */
export function parseFastPathRun(body: unknown, buildId: string): FastPathRun {
  const { Build: build, Words: words = [] } = readFields(body ?? {}, { Build: "text", Words: "texts" }, "");
  if (build !== buildId) throw new Failure("conflict", "cannot read a run: its words are of another build");
  const run = readFastPathRun(words);
  // The command line reports to a terminal from where a port can be reached.
  if (run === undefined || run.interactive || (run.detach && run.publish.length > 0))
    throw new Failure(
      "unsupported",
      "cannot read a run: it has other flags than a client can leave to the daemon",
    );
  return run;
}
