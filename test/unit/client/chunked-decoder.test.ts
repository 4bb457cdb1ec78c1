import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedDecoder } from "../../../src/client/http/chunked-decoder.ts";

function decode(pieces: readonly Buffer[]) {
  const decoder = new ChunkedDecoder();
  const data = pieces.flatMap((piece) => decoder.push(piece));
  return { text: Buffer.concat(data).toString("latin1"), done: decoder.done, rest: decoder.rest?.toString() };
}

describe("ChunkedDecoder", () => {
  test("it gives the data back however the bytes are cut", () => {
    const cut = fc.tuple(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), fc.array(fc.nat(500)));
    fc.assert(
      fc.property(cut, ([chunks, cuts]) => {
        const parts = chunks.map((chunk) => [
          Buffer.from(`${chunk.length.toString(16)};x=y\r\n`),
          chunk,
          Buffer.from("\r\n"),
        ]);
        const whole = Buffer.concat([...parts.flat(), Buffer.from("0\r\nTrailer: x\r\n\r\n")]);
        const at = [0, ...cuts.filter((index) => index < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        const expected = Buffer.concat(chunks).toString("latin1");
        expect(decode(pieces)).toEqual({ text: expected, done: true, rest: undefined });
      }),
    );
  });

  test("it keeps what comes after the end", () => {
    expect(decode([Buffer.from("2\r\nab\r\n0\r\n\r\nHTTP")])).toEqual({
      text: "ab",
      done: true,
      rest: "HTTP",
    });
  });

  test.each([
    "x\r\n",
    "-1\r\n",
    "\r\n",
    "2\nab\r\n",
    "2\r\nabc\r\n",
    "2\r\nab\rX",
    "ffffffffffffff\r\n",
    `0\r\n${"T: x\r\n".repeat(5000)}`,
    "1".repeat(20_000),
  ])("it refuses %p", (text) => {
    expect(() => decode([Buffer.from(text), Buffer.from("\r\n")])).toThrow("cannot read the daemon's reply");
  });
});
