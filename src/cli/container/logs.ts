import { FrameDecoder } from "../../spec/stream-frames.ts";
import type { Command } from "../command.ts";
import { logFlags, type LogValues, momentsOf } from "./flags/log-flags.ts";
import { bool } from "../flags/kinds.ts";
import { writeAll } from "../terminal/write.ts";

interface Values extends LogValues {
  readonly details: boolean;
}

export const logs: Command<Values> = {
  usage: "[OPTIONS] CONTAINER",
  takes: [1, 1],
  flags: {
    details: bool("Show extra details provided to logs"),
    ...logFlags,
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
      ...momentsOf(values),
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
