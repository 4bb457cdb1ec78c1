import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import { log, selectErrors, stripLogHeads } from "../../../src/base/log.ts";
import { failOnUncaughtException } from "../../support/daemon-log.ts";

const written: string[] = [];
const spy = spyOn(console, "error").mockImplementation((text: string) => void written.push(text));
afterEach(() => {
  written.length = 0;
});
afterAll(() => spy.mockRestore());

describe("log()", () => {
  test("writes the time in UTC with milliseconds and the level before each line", () => {
    log("warning", "cannot do it\n    at there\n");
    const head = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning /;
    const lines = (written[0] ?? "").split("\n");
    expect(lines.map((line) => head.test(line))).toEqual([true, true]);
    expect(stripLogHeads(written[0] ?? "")).toBe("cannot do it\n    at there");
  });

  test("leaves out debug lines unless they are enabled", () => {
    log("debug", "a detail");
    expect(written).toEqual([]);
  });
});

describe("stripLogHeads()", () => {
  test("keeps lines that have no head", () => {
    expect(stripLogHeads("panic: 2026-12-01T10:00:00.000Z error x")).toBe(
      "panic: 2026-12-01T10:00:00.000Z error x",
    );
  });
});

describe("selectErrors()", () => {
  test("leaves out lines of other levels, if there is one of level error", () => {
    const error = "2026-12-01T10:00:00.000Z error cannot go on";
    expect(selectErrors(`2026-12-01T10:00:00.000Z warning slow\n${error}\n`)).toBe("cannot go on");
    expect(selectErrors("panic\nabort")).toBe("panic\nabort");
  });
});

describe("failOnUncaughtException()", () => {
  test("throws for the entry of an uncaught exception only", () => {
    log("error", "cannot catch: uncaught exception");
    failOnUncaughtException(written.join("\n"));
    log("error", "uncaught exception: it broke\n    at there");
    expect(() => failOnUncaughtException(written.join("\n"))).toThrow(/it broke\n {4}at there/);
  });
});
