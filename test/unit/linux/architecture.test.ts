import { expect, test } from "bun:test";
import { constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openFlags } from "../../../src/linux/constants/open.ts";
import * as open from "../../../src/linux/constants/open.ts";
import { architecture } from "../../../src/linux/constants/architecture.ts";
import { epollLayouts } from "../../../src/linux/kernel/epoll.ts";
import { syscallNumber } from "../../../src/linux/kernel/syscall.ts";
import { arm64 } from "../../../src/linux/kernel/syscalls/arm64.ts";
import { x86_64 } from "../../../src/linux/kernel/syscalls/x86-64.ts";

const sources = join(import.meta.dir, "../../../src");

test("openFlags has each architecture's own values", () => {
  // SPEC: Linux, include/uapi/asm-generic/fcntl.h (x86) and arch/arm64/include/uapi/asm/fcntl.h
  expect(openFlags).toEqual({
    x86_64: { O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000 },
    arm64: { O_DIRECTORY: 0o040000, O_NOFOLLOW: 0o100000 },
  });
});

test("the flags of open are those of the machine that this runs on", () => {
  const known = Object.entries(constants).filter(([name]) => name.startsWith("O_"));
  const own = known.filter(([name]) => Object.hasOwn(open, name));
  expect(own.length).toBeGreaterThanOrEqual(9);
  for (const [name, value] of own) expect([name, Reflect.get(open, name)]).toEqual([name, value]);
});

test("epollLayouts packs the structure on x86 only", () => {
  // SPEC: Linux, include/uapi/linux/eventpoll.h: EPOLL_PACKED
  expect(epollLayouts).toEqual({ x86_64: { size: 12, data: 4 }, arm64: { size: 16, data: 8 } });
});

test("syscallNumber() takes the table of the machine that this runs on", () => {
  expect(syscallNumber("openat2")).toBe(437); // the same everywhere
  expect(syscallNumber("openat")).toBe(architecture === "arm64" ? 56 : 257);
  expect([arm64.openat, x86_64.openat]).toEqual([56, 257]);
});

/** The header of all architectures with the generic table; libc6-dev installs it everywhere. */
const header = "/usr/include/asm-generic/unistd.h";

/** Numbers of the header, by the names that a 64-bit architecture has for them. */
function readGenericNumbers(): ReadonlyMap<string, number> {
  const names: Readonly<Record<string, string>> = { fstatat: "newfstatat" };
  const lines = readFileSync(header, "utf8").matchAll(/^#define __NR(3264)?_(\w+)\s+(\d+)$/gm);
  return new Map(
    [...lines]
      .map(([, wide, name = "", number]) => [(wide && names[name]) ?? name, Number(number)] as const)
      .filter(([name]) => !["syscalls", "arch_specific_syscall"].includes(name))
      // Those of 32-bit architectures alone: 403 to 423.
      .filter(([, number]) => number < 403 || number > 423),
  );
}

test("the numbers of arm64 are those of the kernel's generic table", () => {
  expect(existsSync(header)).toBe(true);
  const generic = readGenericNumbers();
  expect(generic.size).toBeGreaterThan(300);
  const ours: Readonly<Record<string, number>> = arm64;
  const known = [...generic].filter(([name]) => Object.hasOwn(ours, name));
  for (const [name, number] of known) expect([name, ours[name]]).toEqual([name, number]);
  const newest = Math.max(...Object.values(ours));
  const others = [...generic].filter(([name, number]) => !Object.hasOwn(ours, name) && number <= newest);
  // Two names for one number; this one is not arm64's.
  expect(others.map(([name]) => name)).toEqual(["sync_file_range2"]);
  // Younger than the header.
  const absent = Object.keys(ours).filter((name) => !generic.has(name));
  for (const name of absent) expect([name, (ours[name] ?? 0) > 450]).toEqual([name, true]);
});

test("no file but the tables has a number of a call or a flag of open", () => {
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && path !== "linux/constants/open.ts",
  );
  expect(files.length).toBeGreaterThan(500);
  const offenders = files.filter((path) =>
    /\b(?:attempt|call|callAsync|syscall)\(\s*\d|\bO_[A-Z]+(?:: number)? = *[0-9]/.test(
      readFileSync(join(sources, path), "utf8"),
    ),
  );
  expect(offenders).toEqual([]);
});
