import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  encodeRunEvent,
  frameOutput,
  type RunPart,
  RunStreamDecoder,
} from "../../../src/api/http/run-stream.ts";
import { encodeFrame, FrameDecoder } from "../../../src/spec/stream-frames.ts";
import type { RunEvent } from "../../../src/api/types/container.ts";

/** The bytes cut at the given places. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.filter((place) => place < whole.length).toSorted((a, b) => a - b), whole.length];
  return at.slice(1).map((end, index) => whole.subarray(at[index], end));
}

/** Output byte by byte with its stream, events whole: the same however it was cut. */
function spell(parts: readonly RunPart[]): string {
  return parts
    .map((part) =>
      "event" in part
        ? `${JSON.stringify(part.event)} `
        : Buffer.from(part.bytes).toString("hex").replace(/../g, `${part.stream}$& `),
    )
    .join("");
}

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
const output = fc.record({ stream: fc.constantFrom("stdout" as const, "stderr" as const), bytes });
const event: fc.Arbitrary<RunPart> = fc.oneof(
  fc.record({ event: fc.record({ Id: fc.string(), Warnings: fc.array(fc.string({ unit: "binary" })) }) }),
  fc.record({ event: fc.record({ StatusCode: fc.nat(255) }) }),
  fc.constant({ event: { Timing: null } }),
);

describe("RunStreamDecoder", () => {
  test("gives output and events in their order, however the bytes are cut or joined", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(output, event)), fc.array(fc.nat(1500)), (parts, places) => {
        const whole = Buffer.concat(
          parts.map((part) =>
            "event" in part ? encodeRunEvent(part.event) : encodeFrame(part.stream, part.bytes),
          ),
        );
        const decoder = new RunStreamDecoder();
        expect(spell(cut(whole, places).flatMap((piece) => decoder.push(piece)))).toBe(spell(parts));
      }),
    );
  });

  test("gives no event that is not whole", () => {
    const whole = encodeRunEvent({ StatusCode: 3 });
    const decoder = new RunStreamDecoder();
    for (const byte of whole.subarray(0, -1)) expect(decoder.push(Uint8Array.of(byte))).toEqual([]);
    expect(decoder.push(whole.subarray(-1))).toEqual([{ event: { StatusCode: 3 } }]);
  });

  test.each([
    ["a stream that is none", Buffer.from("0500000000000001", "hex"), "header is malformed"],
    ["a header that is none", Buffer.from("0401000000000001", "hex"), "header is malformed"],
    ["an event that is no JSON", encodeFrame("event", Buffer.from("{\n")), "an event is not JSON"],
    ["an event that is no object", encodeFrame("event", Buffer.from("null\n")), "an event is no object"],
    ["an event without an end", encodeFrame("event", Buffer.alloc(1024 * 1024 + 1, "x")), "too long"],
  ])("refuses %s", (_, piece, sentence) => {
    const push = (): unknown => new RunStreamDecoder().push(piece);
    expect(push).toThrow(expect.objectContaining({ kind: "corrupt" }));
    expect(push).toThrow(sentence);
  });

  test("an event is malformed in Docker's own format", () => {
    const push = (): unknown => new FrameDecoder().push(encodeRunEvent({ StatusCode: 0 }));
    expect(push).toThrow("header is malformed");
  });
});

describe("frameOutput()", () => {
  test("gives whole frames of the same output after each piece, so that an event can follow any", () => {
    fc.assert(
      fc.property(fc.array(output), fc.array(fc.nat(800)), (frames, places) => {
        const whole = Buffer.concat(frames.map(({ stream, bytes: data }) => encodeFrame(stream, data)));
        const frame = frameOutput({ terminal: false });
        const decoder = new RunStreamDecoder();
        const told: RunEvent = { StatusCode: 0 };
        const parts = cut(whole, places).flatMap((piece) => [
          ...decoder.push(frame(piece)),
          ...decoder.push(encodeRunEvent(told)),
        ]);
        expect(spell(parts.filter((part) => !("event" in part)))).toBe(spell(frames));
        expect(parts.filter((part) => "event" in part)).toHaveLength(cut(whole, places).length);
      }),
    );
  });

  test("passes whole frames on as they are, and makes frames of a terminal's bytes", () => {
    const piece = Buffer.concat([
      encodeFrame("stdout", Buffer.from("a")),
      encodeFrame("stderr", Buffer.from("b")),
    ]);
    expect(frameOutput({ terminal: false })(piece)).toBe(piece);
    expect(frameOutput({ terminal: true })(Buffer.from("raw"))).toEqual(
      encodeFrame("stdout", Buffer.from("raw")),
    );
  });
});
