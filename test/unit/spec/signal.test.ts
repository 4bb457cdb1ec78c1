import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { exitCodeOf, formatSignal, parseSignal, parseWaitStatus } from "../../../src/spec/signal.ts";

describe("parseSignal()", () => {
  test("parseSignal() agrees with this machine's numbers", () => {
    for (const [name, number] of Object.entries(constants.signals)) {
      expect(parseSignal(name)).toBe(number);
      expect(parseSignal(name.slice(3).toLowerCase())).toBe(number);
      expect(parseSignal(String(number))).toBe(number);
    }
  });

  test.each([
    ["RTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["rtmin+15", 49],
    ["RTMAX-14", 50],
    ["RTMAX", 64],
  ])("parseSignal() reads %p", (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  test.each([
    "",
    "0",
    "65",
    "-9",
    "9x",
    "SIG",
    "SIGSIGKILL",
    "RTMIN+31",
    "RTMAX-31",
    "RTMIN+",
    "NOPE",
    " 9",
    "1e1",
  ])("parseSignal() refuses %p", (text) => {
    expect(() => parseSignal(text)).toThrow(`invalid signal: ${text}`);
  });
});

test("formatSignal() gives names that parseSignal() reads back", () => {
  expect(formatSignal(9)).toBe("SIGKILL");
  expect(formatSignal(37)).toBe("SIGRTMIN+3");
  expect(formatSignal(63)).toBe("SIGRTMAX-1");
  expect(formatSignal(32)).toBe("32");
  for (let number = 1; number <= 64; number++) expect(parseSignal(formatSignal(number))).toBe(number);
});

describe("parseWaitStatus()", () => {
  test.each([
    [0, { state: "exited", code: 0 }],
    [0x0300, { state: "exited", code: 3 }],
    [0xff00, { state: "exited", code: 255 }],
    [9, { state: "signaled", signal: 9, coreDumped: false }],
    [0x8b, { state: "signaled", signal: 11, coreDumped: true }],
    [0x137f, { state: "stopped", signal: 19 }],
    [0xffff, { state: "continued" }],
  ] as const)("parseWaitStatus() reads %p", (word, expected) => {
    expect(parseWaitStatus(word)).toEqual(expected);
  });

  test("exitCodeOf() adds 128 to a signal", () => {
    expect(exitCodeOf({ state: "signaled", signal: 9, coreDumped: false })).toBe(137);
    expect(exitCodeOf({ state: "exited", code: 3 })).toBe(3);
  });
});
