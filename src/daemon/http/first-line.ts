import { Failure } from "../../base/failure.ts";
import type { BodyMemory } from "./body-memory.ts";

/** Longer ones are refused: a line has a Dockerfile and secrets at most. */
const mostBytes = 16 * 1024 * 1024;

/**
 * Reads a body's first line, without its end, and gives what follows. Throws "invalid" for a line that is too long,
 * "unavailable" when too much is read at the same time.
 */
export async function readFirstLine(
  pieces: AsyncGenerator<Uint8Array, void>,
  memory: BodyMemory,
): Promise<{ readonly line: string; readonly rest: AsyncIterable<Uint8Array> }> {
  using share = memory.open();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await pieces.next();
    if (next.done === true) return { line: Buffer.concat(parts).toString(), rest: pieces };
    const piece = next.value;
    const end = piece.indexOf(10);
    const part = end < 0 ? piece : piece.subarray(0, end);
    size += part.length;
    if (size > mostBytes) {
      throw new Failure(
        "invalid",
        `cannot read the request: its first line is longer than ${mostBytes} bytes`,
      );
    }
    share.add(part.length);
    parts.push(part);
    if (end >= 0) {
      return { line: Buffer.concat(parts).toString(), rest: following(piece.subarray(end + 1), pieces) };
    }
  }
}

async function* following(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  if (first.length > 0) yield first;
  yield* rest;
}
