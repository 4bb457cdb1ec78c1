import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameDecoder } from "../../../src/spec/stream-frames.ts";
import { FrameWriter } from "../../../src/daemon/http/frame-writer.ts";
import type { Reply } from "../../../src/daemon/http/reply.ts";

/** Takes what is written, and is slow when told so. */
class Sink {
  readonly pieces: Buffer[] = [];
  wait: Promise<void> = Promise.resolve();

  write(piece: Uint8Array): Promise<void> {
    this.pieces.push(Buffer.from(piece));
    return this.wait;
  }

  get whole(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

const sizes = fc.array(fc.oneof(fc.nat(200), fc.integer({ min: 60_000, max: 140_000 })), { maxLength: 12 });

test("FrameWriter writes each piece as one frame, whatever the sizes", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const sink = new Sink();
      const writer = new FrameWriter(sink as unknown as Reply, { isFramed: true });
      for (const [index, length] of lengths.entries()) {
        const bytes = Buffer.alloc(length, 65 + index);
        await writer.write(index % 2 === 0 ? "stdout" : "stderr", bytes, Buffer.from(`${index}:`));
      }
      await writer.flush();
      const frames = new FrameDecoder().push(sink.whole);
      expect(frames.map(({ stream, bytes }) => [stream, bytes.length])).toEqual(
        lengths.map((length, index) => [index % 2 === 0 ? "stdout" : "stderr", length + `${index}:`.length]),
      );
      expect(frames.every(({ bytes }, index) => Buffer.from(bytes).toString().startsWith(`${index}:`))).toBe(
        true,
      );
    }),
    { numRuns: 30 },
  );
});

test("FrameWriter gives a terminal's bytes unchanged, and sends what is there without being asked", async () => {
  const sink = new Sink();
  const writer = new FrameWriter(sink as unknown as Reply, { isFramed: false });
  void writer.write("stdout", Buffer.from("a"));
  void writer.write("stdout", Buffer.from("b"));
  expect(sink.pieces).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(sink.pieces.map(String)).toEqual(["ab"]);
});

test("FrameWriter lets the caller wait while the client does not take it", async () => {
  const sink = new Sink();
  const slow = Promise.withResolvers<void>();
  sink.wait = slow.promise;
  const writer = new FrameWriter(sink as unknown as Reply, { isFramed: true });
  expect(writer.write("stdout", Buffer.alloc(100_000))).toBeUndefined();
  let isFree = false;
  const waiting = writer.write("stdout", Buffer.alloc(100_000))?.then(() => {
    isFree = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isFree).toBe(false);
  slow.resolve();
  await waiting;
  expect(isFree).toBe(true);
});
