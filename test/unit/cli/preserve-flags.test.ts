import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { findPreserved } from "../../../src/cli/container/flags/preserve-flags.ts";

const fd = openSync("/dev/null", "r");
afterAll(() => closeSync(fd));

test("findPreserved() finds what is open, each once", () => {
  expect(findPreserved({ "preserve-fd": [], "preserve-fds": undefined })).toEqual([]);
  expect(findPreserved({ "preserve-fd": [`${fd},${fd}`], "preserve-fds": 0 })).toEqual([fd]);
});

test.each([
  [{ "preserve-fd": ["499"], "preserve-fds": undefined }, "file descriptor 499 is not available"],
  [{ "preserve-fd": [], "preserve-fds": -1 }, "--preserve-fds: must be from 0 to 509"],
  [{ "preserve-fd": [], "preserve-fds": 510 }, "--preserve-fds: must be from 0 to 509"],
])("findPreserved(%j) refuses", (values, sentence) => {
  expect(() => findPreserved(values)).toThrow(sentence);
});
