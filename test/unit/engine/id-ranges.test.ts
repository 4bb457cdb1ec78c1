import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  defaultIdPool,
  parseSubordinateIds,
  pickIdMaps,
  resolveIdPools,
} from "../../../src/engine/resolve/id-ranges.ts";
import { parseIdPool } from "../../../src/spec/id-pool.ts";
import { findSharedIds, type IdMaps, plainIdMaps } from "../../../src/spec/id-map.ts";

const size = 65_536;

describe("pickIdMaps()", () => {
  const small = { pools: [{ first: 100_000, count: 3 * size }], foreign: [], seed: 0 };
  const first = (maps: IdMaps): number | undefined => maps.uids[0]?.hostID;

  test("gives the first free range from the seed on, and round again", () => {
    expect(first(pickIdMaps({ ...small, taken: [] }))).toBe(100_000);
    expect(first(pickIdMaps({ ...small, taken: [plainIdMaps(100_000)] }))).toBe(100_000 + size);
    expect(first(pickIdMaps({ ...small, taken: [plainIdMaps(100_000 + 2 * size)], seed: 5 }))).toBe(100_000);
  });

  test("never gives what somebody has a part of, or what belongs to others", () => {
    const taken = [plainIdMaps(100_000 + size - 1, 1)];
    const foreign = [{ first: 100_000 + size, count: 1 }];
    expect(first(pickIdMaps({ ...small, taken, foreign }))).toBe(100_000 + 2 * size);
  });

  test("is exhausted when the pool is", () => {
    const taken = [0, 1, 2].map((i) => plainIdMaps(100_000 + i * size));
    expect(() => pickIdMaps({ ...small, taken })).toThrow("all of the pool are in use");
    expect(() => pickIdMaps({ ...small, pools: [{ first: 0, count: size - 1 }], taken: [] })).toThrow("pool");
  });

  test("no two of many overlap, wherever they begin to look", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (seeds) => {
        const taken: IdMaps[] = [];
        for (const seed of seeds) {
          const picked = pickIdMaps({ pools: [{ first: 7, count: 64 * size }], foreign: [], taken, seed });
          expect(taken.filter((other) => findSharedIds(picked, other) !== undefined)).toEqual([]);
          taken.push(picked);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("resolveIdPools()", () => {
  test("without lines of its own the pool is the default, without what others were given", () => {
    const texts = { subuid: "alice:268435456:65536\n# x\nbroken\n", subgid: "bob:1:2\n" };
    expect(resolveIdPools(texts, undefined)).toMatchObject({
      pools: [defaultIdPool],
      foreign: [
        { first: 268_435_456, count: 65_536 },
        { first: 1, count: 2 },
      ],
    });
  });

  test("lines for tare in both files are the pool; what was asked for wins", () => {
    const texts = { subuid: "tare:500000:131072\ntare:9:9\n", subgid: "tare:500000:131072\n" };
    expect(resolveIdPools(texts, undefined).pools).toMatchObject([{ first: 500_000, count: 131_072 }]);
    expect(resolveIdPools(texts, { first: 1, count: 2 }).pools).toEqual([{ first: 1, count: 2 }]);
  });

  test("parseSubordinateIds() passes over what is no line of subuid(5)", () => {
    expect(parseSubordinateIds("a:1:2\n:1:2\na:x:2\na:1\n#a:1:2\n")).toEqual([
      { owner: "a", first: 1, count: 2 },
    ]);
  });
});

describe("parseIdPool()", () => {
  test("reads first and count", () => {
    expect(parseIdPool("300000:131072")).toEqual({ first: 300_000, count: 131_072 });
  });

  test.each(["", "1", "0:65536", "1000:65536", "300000:1", "4294967295:65536", "a:b", "300000:131072:1"])(
    "refuses %j",
    (text) => {
      expect(() => parseIdPool(text)).toThrow(`invalid --userns-pool "${text}"`);
    },
  );
});
