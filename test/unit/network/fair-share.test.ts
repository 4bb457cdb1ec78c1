import { expect, test } from "bun:test";
import { FairShare } from "../../../src/network/fair-share.ts";

/** What each of so many containers gets when all take as much as they can, by turns. */
function greedy(share: FairShare, count: number): number[] {
  const own = Array.from({ length: count }, () => 0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [at, had] of own.entries()) {
      if (!share.take(had)) continue;
      own[at] = had + 1;
      changed = true;
    }
  }
  return own;
}

test("FairShare gives a single container half, and many the same, with room for one more", () => {
  expect(greedy(new FairShare(100), 1)).toEqual([50]);
  const share = new FairShare(2000);
  const own = greedy(share, 75);
  expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
  expect(own.reduce((sum, each) => sum + each, 0)).toBeLessThan(2000);
  expect(share.take(0)).toBe(true);
});

test("FairShare lets a container have again what was released", () => {
  const share = new FairShare(4);
  expect(greedy(share, 1)).toEqual([2]);
  expect(share.take(2)).toBe(false);
  share.release();
  expect(share.take(1)).toBe(true);
});
