import { parseTrustedJson } from "../../base/trusted-json.ts";
import { Failure } from "../../base/failure.ts";

/**
 * The values of a stream of JSON texts, one a line (`\n` or `\r\n`; empty lines are passed over).
 * Throws Failure("corrupt") on a line that is no JSON, "exhausted" on one longer than the limit.
 */
export async function* decodeJsonLines<T>(
  pieces: AsyncIterable<Uint8Array>,
  limitBytes: number = 16 * 1024 * 1024,
): AsyncGenerator<T, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const line = Buffer.concat([...parts, piece.subarray(start, end)]);
      parts = [];
      size = 0;
      start = end + 1;
      const value = parseLine<T>(line);
      if (value !== undefined) yield value;
    }
    size += piece.length - start;
    if (size > limitBytes) {
      throw new Failure("exhausted", `cannot read the stream: a line is longer than ${limitBytes} bytes`);
    }
    if (start < piece.length) parts.push(piece.subarray(start));
  }
  const last = parseLine<T>(Buffer.concat(parts));
  if (last !== undefined) yield last;
}

function parseLine<T>(line: Buffer): T | undefined {
  const text = line.toString("utf8").trim();
  if (text === "") return undefined;
  try {
    return parseTrustedJson<T>(text);
  } catch (cause) {
    throw new Failure("corrupt", "cannot read the stream: a line is not JSON", { cause });
  }
}
