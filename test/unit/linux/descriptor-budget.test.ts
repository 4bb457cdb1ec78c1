import { expect, test } from "bun:test";
import { closeSync, openSync, readdirSync } from "node:fs";
import { divideDescriptors, requireDescriptors } from "../../../src/linux/process/descriptor-budget.ts";

test("divideDescriptors() leaves at least a third of the limit to containers", () => {
  for (const limit of [1024, 20_000, 1_048_576]) {
    const { reserve, connections, names } = divideDescriptors(limit);
    const { events, streams, requests, control, idle } = connections;
    const most = events + 2 * streams + requests + control + idle + names.queries + names.connections;
    expect(most + reserve).toBeLessThan((limit * 2) / 3);
  }
});

test("requireDescriptors() throws when only the reserve is left", () => {
  requireDescriptors("start", divideDescriptors(1_000_000));
  expect(() => requireDescriptors("start", { ...divideDescriptors(64), reserve: 64 })).toThrow(
    /^cannot start: of 64 file descriptors only the reserve is left/,
  );
});

test("requireDescriptors() counts, so that a free low number does not hide a shortage", () => {
  const fds = Array.from({ length: 40 }, () => openSync("/dev/null", "r"));
  try {
    const most = readdirSync("/proc/self/fd").length - 5;
    closeSync(fds.shift() as number);
    expect(() => requireDescriptors("start", { ...divideDescriptors(most), reserve: 0 })).toThrow(
      "cannot start: of",
    );
  } finally {
    for (const fd of fds) closeSync(fd);
  }
});
