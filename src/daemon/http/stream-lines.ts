import { encodeProgressLine, failureMessage } from "../../api/http/progress-lines.ts";
import { sentenceOf } from "../../base/failure.ts";
import type { Reply } from "./reply.ts";

/** A failure before the first line is an error reply; after that it is a line of its own. */
export async function streamLines(reply: Reply, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    if (!reply.isBegun) reply.begin("application/json");
  } catch (thrown) {
    if (!reply.isBegun) throw thrown;
    await reply.write(encodeProgressLine(failureMessage(sentenceOf(thrown))));
  }
  reply.end();
}
