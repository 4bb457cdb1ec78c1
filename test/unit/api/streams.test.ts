import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeJsonLines } from "../../../src/api/http/json-lines.ts";
import { encodeProgressLine, failureMessage } from "../../../src/api/http/progress-lines.ts";
import { decodeFrames, encodeFrame, type Frame, FrameDecoder } from "../../../src/spec/stream-frames.ts";

/** The bytes cut at the given places. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.filter((place) => place < whole.length).toSorted((a, b) => a - b), whole.length];
  return at.slice(1).map((end, index) => whole.subarray(at[index], end));
}

async function* stream(pieces: readonly Uint8Array[]) {
  yield* pieces;
}

describe("frames", () => {
  const frame = fc.record({
    stream: fc.constantFrom("stdout" as const, "stderr" as const, "stdin" as const, "systemerr" as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 50 }),
  });

  test("FrameDecoder gives back what encodeFrame() wrote, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat(1000)), (frames, places) => {
        const whole = Buffer.concat(frames.map(({ stream: name, bytes }) => encodeFrame(name, bytes)));
        const decoder = new FrameDecoder();
        const got = cut(whole, places).flatMap((piece) => decoder.push(piece));
        const text = (list: readonly Frame[]): string =>
          list
            .map(({ stream: name, bytes }) => Buffer.from(bytes).toString("hex").replace(/../g, `${name}$& `))
            .join("");
        expect(text(got)).toBe(text(frames));
        expect(decoder.atBoundary).toBe(true);
      }),
    );
  });

  test("an empty frame is nothing", () => {
    expect(new FrameDecoder().push(encodeFrame("stdout", Buffer.alloc(0)))).toEqual([]);
  });

  test.each(["0400000000000001", "0101000000000001", "0100000100000001"])("header %s is refused", (hex) => {
    expect(() => new FrameDecoder().push(Buffer.from(hex, "hex"))).toThrow("header is malformed");
  });

  test("a header that claims 4 GiB costs nothing; a stream cut within a frame is refused", async () => {
    const claims = Buffer.from("01000000ffffffff", "hex");
    expect(new FrameDecoder().push(Buffer.concat([claims, Buffer.from("x")]))).toHaveLength(1);
    await expect(Array.fromAsync(decodeFrames(stream([claims])))).rejects.toThrow("ends within a frame");
  });
});

describe("decodeJsonLines()", () => {
  test("it gives the values, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.array(fc.nat(400)), async (values, places) => {
        const lines = values.map(
          (value, index) => `${JSON.stringify(value)}${index % 2 === 0 ? "\n" : "\r\n\r\n"}`,
        );
        const got = await Array.fromAsync(decodeJsonLines(stream(cut(Buffer.from(lines.join("")), places))));
        expect(JSON.stringify(got)).toBe(JSON.stringify(values));
      }),
      { numRuns: 50 },
    );
  });

  test("the last line may lack its end; one that is no JSON or too long is refused", async () => {
    const read = (text: string, limit?: number) =>
      Array.fromAsync(decodeJsonLines(stream([Buffer.from(text)]), limit));
    expect(await read('{"a":1}')).toEqual([{ a: 1 }]);
    await expect(read("{}\n{")).rejects.toMatchObject({ kind: "corrupt" });
    await expect(read(`"${"x".repeat(100)}`, 50)).rejects.toMatchObject({ kind: "exhausted" });
  });
});

test("encodeProgressLine() ends as Docker's lines do", () => {
  expect(encodeProgressLine({ status: "x" })).toBe('{"status":"x"}\r\n');
  expect(encodeProgressLine(failureMessage("no"))).toBe('{"errorDetail":{"message":"no"},"error":"no"}\r\n');
});
