import { describe, expect, test } from "bun:test";
import { interpretSeccomp, verifySeccomp } from "../../../../src/linux/seccomp/seccomp.ts";
import { encodeInstructions, type Instruction } from "../../../../src/linux/seccomp/internal/instruction.ts";

type Short = readonly [code: number, k: number, jt?: number, jf?: number];
const program = (...lines: readonly Short[]): Uint8Array =>
  encodeInstructions(lines.map(([code, k, jt = 0, jf = 0]): Instruction => ({ code, k, jt, jf })));

const RETURN_A = [0x16, 0] as const;
const data = {
  nr: 7,
  arch: 9,
  instructionPointer: 0x1122_3344_5566_7788n,
  args: [1n, 0xaaaa_bbbb_cccc_ddddn],
};

/** Runs arithmetic on A, whose result is read back as action and data: ALLOW | 16 bits. */
function compute(a: number, ...lines: readonly Short[]): number {
  const code = program([0x00, a], ...lines, [0x54, 0xffff], [0x44, 0x7fff_0000], RETURN_A);
  verifySeccomp(code);
  return interpretSeccomp(code, data).data;
}

describe("interpretSeccomp()", () => {
  test("names each action and its data", () => {
    const returning = (k: number) => interpretSeccomp(program([0x06, k]), data);
    expect(returning(0x8000_0000)).toEqual({ kind: "kill-process", data: 0 });
    expect(returning(0)).toEqual({ kind: "kill-thread", data: 0 });
    expect(returning(0x0003_0000)).toEqual({ kind: "trap", data: 0 });
    expect(returning(0x0005_0026)).toEqual({ kind: "errno", data: 38 });
    expect(returning(0x7fc0_0000)).toEqual({ kind: "notify", data: 0 });
    expect(returning(0x7ff0_1234)).toEqual({ kind: "trace", data: 0x1234 });
    expect(returning(0x7ffc_0000)).toEqual({ kind: "log", data: 0 });
    expect(returning(0x7fff_0000)).toEqual({ kind: "allow", data: 0 });
    expect(returning(0x1234_0000)).toEqual({ kind: "kill-process", data: 0 });
  });

  test("loads every word of the call's data", () => {
    const at = (k: number) =>
      interpretSeccomp(program([0x20, k], [0x54, 0xffff], [0x44, 0x7fff_0000], RETURN_A), data).data;
    expect([0, 4, 8, 12, 16, 20, 24, 28, 60].map(at)).toEqual([
      7, 9, 0x7788, 0x3344, 1, 0, 0xdddd, 0xbbbb, 0,
    ]);
  });

  test("computes unsigned with 32 bits", () => {
    expect(compute(0xffff_ffff, [0x04, 3])).toBe(2);
    expect(compute(1, [0x14, 2], [0x74, 16])).toBe(0xffff);
    expect(compute(0x1_0001, [0x24, 0x1_0001])).toBe(1);
    expect(compute(0xffff_fffe, [0x34, 2], [0x74, 16])).toBe(0x7fff);
    expect(compute(0xf0, [0x44, 0x0f])).toBe(0xff);
    expect(compute(0xff, [0xa4, 0x0f])).toBe(0xf0);
    expect(compute(1, [0x64, 31], [0x74, 31])).toBe(1);
    expect(compute(1, [0x84, 0], [0x74, 28])).toBe(0xf);
    expect(compute(5, [0x07, 0], [0x00, 7], [0x0c, 0])).toBe(12);
    expect(compute(5, [0x02, 3], [0x61, 3], [0x00, 0], [0x87, 0])).toBe(5);
    expect(compute(0, [0x80, 0])).toBe(64);
    expect(compute(0, [0x81, 0], [0x03, 15], [0x60, 15])).toBe(64);
  });

  test("dies of a division by an X of 0, as the kernel's does", () => {
    expect(interpretSeccomp(program([0x00, 1], [0x3c, 0], [0x06, 0x7fff_0000]), data).kind).toBe(
      "kill-thread",
    );
  });

  test("jumps both ways of each test", () => {
    const jump = (code: number, k: number): boolean => {
      const lines = program([0x20, 0], [code, k, 1, 0], [0x06, 0], [0x06, 0x7fff_0000]);
      verifySeccomp(lines);
      return interpretSeccomp(lines, data).kind === "allow";
    };
    expect([6, 7, 8].map((k) => jump(0x15, k))).toEqual([false, true, false]);
    expect([6, 7, 8].map((k) => jump(0x25, k))).toEqual([true, false, false]);
    expect([6, 7, 8].map((k) => jump(0x35, k))).toEqual([true, true, false]);
    expect([6, 7, 8].map((k) => jump(0x45, k))).toEqual([true, true, false]);
    expect(interpretSeccomp(program([0x05, 1], [0x06, 0], [0x06, 0x7fff_0000]), data).kind).toBe("allow");
  });
});

describe("verifySeccomp() refuses", () => {
  const ALLOW = [0x06, 0x7fff_0000] as const;
  const refusals: readonly [string, Uint8Array, string][] = [
    ["an empty program", new Uint8Array(), "0 bytes are no whole number of instructions"],
    ["half an instruction", new Uint8Array(12), "12 bytes are no whole number of instructions"],
    [
      "4097 instructions",
      program(...Array(4097).fill(ALLOW)),
      "it has 4097 instructions, at most 4096 are allowed",
    ],
    ["no return at the end", program([0x20, 0]), "it does not end with a return"],
    ["a load past the data", program([0x20, 64], ALLOW), "instruction 0 loads from 64"],
    ["an unaligned load", program([0x20, 2], ALLOW), "instruction 0 loads from 2"],
    ["a load of a byte", program([0x30, 0], ALLOW), "instruction 0 has the code 0x30"],
    ["MOD", program([0x94, 2], ALLOW), "instruction 0 has the code 0x94"],
    [
      "a conditional jump past the end",
      program([0x15, 0, 1, 0], ALLOW),
      "instruction 0 jumps beyond the end",
    ],
    ["a jump past the end", program([0x05, 1], ALLOW), "instruction 0 jumps beyond the end"],
    ["a jump back", program([0x05, 0xffff_ffff], ALLOW), "instruction 0 jumps beyond the end"],
    ["a division by 0", program([0x34, 0], ALLOW), "instruction 0 divides by 0"],
    ["a shift by 32", program([0x64, 32], ALLOW), "instruction 0 shifts by 32"],
    ["a 17th scratch word", program([0x02, 16], ALLOW), "instruction 0 uses the scratch word 16 of 16"],
    [
      "an unset scratch word",
      program([0x60, 1], ALLOW),
      "instruction 0 reads the scratch word 1 before it is written",
    ],
    [
      "a scratch word that only one way sets",
      program([0x15, 0, 0, 1], [0x02, 1], [0x60, 1], ALLOW),
      "instruction 2 reads the scratch word 1 before it is written",
    ],
  ];
  for (const [name, bytes, sentence] of refusals) {
    test(name, () =>
      expect(() => verifySeccomp(bytes)).toThrow(`cannot use the seccomp program: ${sentence}`),
    );
  }

  test("nothing of a right program", () => {
    verifySeccomp(program([0x02, 1], [0x15, 0, 0, 1], [0x02, 2], [0x60, 1], RETURN_A));
    verifySeccomp(program(...Array(4096).fill(ALLOW)));
  });
});
