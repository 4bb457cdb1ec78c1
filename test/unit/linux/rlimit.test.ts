import { describe, expect, test } from "bun:test";
import {
  clampResourceLimit,
  encodeResourceLimit,
  findResourceName,
  parseResourceLimit,
  readResourceLimit,
  resourceNumber,
} from "../../../src/linux/process/rlimit.ts";

describe("parseResourceLimit()", () => {
  test.each([
    ["nofile=1024:2048", { resource: "nofile", soft: 1024, hard: 2048 }],
    ["nofile=1024", { resource: "nofile", soft: 1024, hard: 1024 }],
    ["core=-1", { resource: "core", soft: -1, hard: -1 }],
    ["core=0:-1", { resource: "core", soft: 0, hard: -1 }],
  ] as const)("parseResourceLimit() reads %p", (text, expected) => {
    expect(parseResourceLimit(text)).toEqual(expected);
  });

  test.each([
    ["nofile", "invalid ulimit argument: nofile"],
    ["files=1", "invalid ulimit type: files"],
    ["toString=1", "invalid ulimit type: toString"],
    ["nofile=x", 'invalid value: "x"'],
    ["nofile=", 'invalid value: ""'],
    ["nofile=1:2:3", 'invalid value: "2:3"'],
    ["nofile=-2", 'invalid value: "-2"'],
    ["nofile=99999999999999999", "invalid value"],
    ["nofile=2048:1024", "soft limit must be less than or equal to hard limit: 2048 > 1024"],
    ["nofile=-1:1024", "soft limit must be less than or equal to hard limit: -1 > 1024"],
  ])("parseResourceLimit() refuses %p", (text, sentence) => {
    expect(() => parseResourceLimit(text)).toThrow(sentence);
  });
});

describe("clampResourceLimit()", () => {
  const present = { resource: "nofile", soft: 1024, hard: 4096 } as const;

  test("clampResourceLimit() leaves what can be had", () => {
    const wanted = { resource: "nofile", soft: 10, hard: 4096 } as const;
    expect(clampResourceLimit(wanted, present)).toEqual({ limit: wanted });
    expect(clampResourceLimit(wanted, { ...present, hard: -1 })).toEqual({ limit: wanted });
  });

  test("clampResourceLimit() stops at the hard limit and says so", () => {
    const { limit, warning } = clampResourceLimit({ resource: "nofile", soft: 5000, hard: -1 }, present);
    expect(limit).toEqual({ resource: "nofile", soft: 4096, hard: 4096 });
    expect(warning).toBe(
      'cannot raise the hard limit "nofile" above 4096 without CAP_SYS_RESOURCE: ' +
        "using nofile=4096:4096 instead of nofile=5000:-1",
    );
  });
});

test("encodeResourceLimit() writes two 64-bit numbers, unlimited as all ones", () => {
  const view = new DataView(encodeResourceLimit({ soft: 5, hard: -1 }).buffer);
  expect(view.getBigUint64(0, true)).toBe(5n);
  expect(view.getBigUint64(8, true)).toBe(0xffff_ffff_ffff_ffffn);
});

test("readResourceLimit() reads what the shell reads", () => {
  const shell = Bun.spawnSync(["sh", "-c", "ulimit -Hn"]).stdout.toString().trim();
  const { hard } = readResourceLimit("nofile");
  expect(hard === -1 ? "unlimited" : String(hard)).toBe(shell);
});

test("findResourceName() reads the specification's names", () => {
  expect(findResourceName("RLIMIT_NOFILE")).toBe("nofile");
  expect(resourceNumber("nofile")).toBe(7);
  expect(findResourceName("RLIMIT_NOPE")).toBeUndefined();
});
