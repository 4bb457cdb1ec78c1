import { FrameDecoder } from "../../api/stream-frames.ts";
import { formatUnixTime, parseTimestamp } from "../../base/timestamp.ts";
import type { Command } from "../command.ts";
import { bool, string } from "../flags/kinds.ts";
import { writeAll } from "../terminal/write.ts";

interface Values {
  readonly details: boolean;
  readonly follow: boolean;
  readonly since: string;
  readonly tail: string;
  readonly timestamps: boolean;
  readonly until: string;
}

const moments = '(e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)';

export const logs: Command<Values> = {
  usage: "[OPTIONS] CONTAINER",
  takes: [1, 1],
  flags: {
    details: bool("Show extra details provided to logs"),
    follow: bool("Follow log output", { short: "f" }),
    since: string(`Show logs since timestamp ${moments}`),
    tail: string("Number of lines to show from the end of the logs", { short: "n", initial: "all" }),
    timestamps: bool("Show timestamps", { short: "t" }),
    until: string(`Show logs before a timestamp ${moments}`),
  },
  completes: ["container", "none"],
  async run(call) {
    const { values, positional, context, signal } = call;
    const { details, follow, tail, timestamps } = values;
    const client = await call.client();
    const { isFramed, bytes } = await client.containers.openLogs(positional[0] ?? "", {
      stdout: true,
      stderr: true,
      details,
      follow,
      tail,
      timestamps,
      ...moment("since", values.since),
      ...moment("until", values.until),
      signal,
    });
    const decoder = new FrameDecoder();
    for await (const piece of bytes) {
      if (signal.aborted) break;
      if (!isFramed) await writeAll(context.stdout, piece);
      else
        for (const frame of decoder.push(piece)) {
          await writeAll(frame.stream === "stdout" ? context.stdout : context.stderr, frame.bytes);
        }
    }
    return 0;
  },
};

function moment<K extends string>(name: K, text: string): { readonly [key in K]?: string } {
  return (text === "" ? {} : { [name]: formatUnixTime(parseTimestamp(text)) }) as {
    readonly [key in K]?: string;
  };
}
