import type { Frame } from "../../spec/stream-frames.ts";

/** A line of a container's log, with its end, if it has one. */
export interface LogLine {
  readonly stream: Frame["stream"];
  readonly bytes: Buffer;
}

/** Whole lines of each stream, in the order in which they end; what is left at the end is one, too. */
export async function* readLines(frames: AsyncIterable<Frame>): AsyncGenerator<LogLine, void, undefined> {
  const rest = new Map<Frame["stream"], Buffer>();
  for await (const { stream, bytes } of frames) {
    let left = Buffer.concat([rest.get(stream) ?? Buffer.alloc(0), bytes]);
    for (let end = left.indexOf(10); end >= 0; end = left.indexOf(10)) {
      yield { stream, bytes: left.subarray(0, end + 1) };
      left = left.subarray(end + 1);
    }
    rest.set(stream, left);
  }
  for (const [stream, bytes] of rest) {
    if (bytes.length > 0) yield { stream, bytes };
  }
}

/** The lines of several logs by the times that they begin with; each log is in order by itself. */
export async function* mergeByTime<Tagged extends LogLine>(
  logs: readonly AsyncGenerator<Tagged, void, undefined>[],
): AsyncGenerator<Tagged, void, undefined> {
  const heads = new Map<AsyncGenerator<Tagged, void, undefined>, Tagged>();
  const advance = async (log: AsyncGenerator<Tagged, void, undefined>): Promise<void> => {
    const { done, value } = await log.next();
    if (done === true) heads.delete(log);
    else heads.set(log, value as Tagged);
  };
  try {
    await Promise.all(logs.map(advance));
    for (;;) {
      const [first, ...others] = heads;
      if (first === undefined) return;
      const [log, line] = others.reduce(
        (one, other) => (timeOf(other[1]) < timeOf(one[1]) ? other : one),
        first,
      );
      yield line;
      await advance(log);
    }
  } finally {
    await Promise.all(logs.map((log) => log.return()));
  }
}

/** The daemon's have the same length, so that their texts are in the order of time. */
function timeOf({ bytes }: LogLine): string {
  return bytes.toString("latin1", 0, Math.max(0, bytes.indexOf(32)));
}

export function withoutTime(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf(32) + 1);
}
