import { expect, test } from "bun:test";
import { findCode } from "../../../src/linux/kernel/own-code.ts";

function mapping(
  head: string,
  { anonymous = 0, swap = 0 }: { readonly anonymous?: number; readonly swap?: number } = {},
): string {
  return `${head}
Size:             100 kB
Rss:               40 kB
Anonymous:     ${String(anonymous).padStart(6)} kB
AnonHugePages:      0 kB
Swap:          ${String(swap).padStart(6)} kB
SwapPss:            0 kB
VmFlags: rd ex mr mw me
`;
}

test("findCode() finds what is as it is in the executable's file, and can't be written", () => {
  const smaps = [
    mapping("00200000-01a39000 r--p 00000000 fe:00 5455893                            /opt/my tare"),
    mapping("01a40000-0684a000 r-xp 01840000 fe:00 5455893                            /opt/my tare"),
    mapping("0684a000-0685f000 rw-p 06649000 fe:00 5455893                            /opt/my tare"),
    mapping("0685f000-06867000 r--p 0665e000 fe:00 5455893                            /opt/my tare", {
      anonymous: 12,
    }),
    mapping("06867000-06868000 r--p 06666000 fe:00 5455893                            /opt/my tare", {
      swap: 4,
    }),
    mapping("7f0000000000-7f0000001000 r-xp 00000000 fe:00 12                         /lib/libc.so.6"),
    mapping("7f0000001000-7f0000002000 r-xp 00000000 00:00 0"),
    mapping("7ffd84066000-7ffd84068000 r-xp 00000000 00:00 0                          [vdso]"),
  ].join("");
  expect(findCode(smaps, "/opt/my tare")).toEqual([
    { address: 0x200000n, bytes: 0x1839000 },
    { address: 0x1a40000n, bytes: 0x4e0a000 },
  ]);
  expect(findCode(smaps, "/opt/other")).toEqual([]);
});
