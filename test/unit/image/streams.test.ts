import { describe, expect, test } from "bun:test";
import { sleep } from "../../../src/base/deadline.ts";
import { gathered } from "../../../src/image/streams/gathered.ts";
import { readSmall } from "../../../src/image/streams/read-small.ts";

async function* pieces(...sizes: readonly (number | Promise<void>)[]): AsyncGenerator<Uint8Array> {
  let next = 0;
  for (const size of sizes) {
    if (typeof size !== "number") await size;
    else yield Uint8Array.from({ length: size }, () => next++);
  }
}

async function lengths(source: AsyncIterable<Uint8Array>): Promise<readonly number[]> {
  const found: number[] = [];
  let next = 0;
  for await (const piece of source) {
    found.push(piece.length);
    for (const byte of piece) expect(byte).toBe(next++ % 256);
  }
  return found;
}

describe("gathered()", () => {
  test("joins what comes quickly, and leaves large pieces as they are", async () => {
    expect(await lengths(gathered(pieces(3, 3, 3, 3, 20, 1), 10))).toEqual([9, 3, 20, 1]);
    expect(await lengths(gathered(pieces(), 10))).toEqual([]);
  });

  test("holds nothing back for what is not there yet", async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const source = gathered(pieces(3, 3, opened, 3), 10);
    // It would wait forever for the third piece.
    expect((await source.next()).value?.length).toBe(6);
    open();
    expect((await source.next()).value?.length).toBe(3);
  });

  test("throws what the source throws, after what came before it; who leaves ends the source", async () => {
    let isEnded = false;
    async function* broken(): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(3);
        await sleep(20);
        throw new Error("cut");
      } finally {
        isEnded = true;
      }
    }
    const source = gathered(broken(), 10);
    expect((await source.next()).value?.length).toBe(3);
    await expect(source.next()).rejects.toThrow("cut");
    isEnded = false;
    for await (const _ of gathered(broken(), 3)) break;
    expect(isEnded).toBe(true);
  });
});

describe("readSmall()", () => {
  test("tells what is whole, and gives all of it either way", async () => {
    const small = await readSmall(pieces(4, 4), 10);
    expect([small.isWhole, await lengths(small.all)]).toEqual([true, [4, 4]]);
    const large = await readSmall(pieces(4, 4, 4, 4), 10);
    expect([large.isWhole, await lengths(large.all)]).toEqual([false, [4, 4, 4, 4]]);
  });
});
