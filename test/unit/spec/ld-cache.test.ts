import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { findElfLibrary, type ReadAt } from "../../../src/spec/elf-library.ts";
import { compareLibraries, formatLdCache, parseLdCache } from "../../../src/spec/ld-cache.ts";

const ofHost = "/etc/ld.so.cache";
const ldconfig = Bun.which("ldconfig") ?? "/sbin/ldconfig";

const entry = (name: string, flags = 0x303): { flags: number; name: string; path: string } => ({
  flags,
  name,
  path: `/usr/lib/${name}`,
});

describe("the dynamic linker's cache", () => {
  test("is read as it was written, in the order of the linker", () => {
    const names = ["liba.so.1", "liba.so.10", "liba.so.2", "libz.so", "lib9.so", "libc.so.6", "libc++.so.1"];
    const found = parseLdCache(formatLdCache(names.map((name) => entry(name)))) ?? [];
    expect(found).toHaveLength(names.length);
    expect(found.map(({ name }) => name)).toEqual(names.toSorted((a, b) => compareLibraries(b, a)));
    expect(found.find(({ name }) => name === "libc.so.6")).toEqual(entry("libc.so.6"));
    expect(found.findIndex(({ name }) => name === "liba.so.10")).toBeLessThan(
      found.findIndex(({ name }) => name === "liba.so.2"),
    );
  });

  test("of one name the first entry stays the first", () => {
    const found = parseLdCache(formatLdCache([{ ...entry("a.so"), path: "/first" }, entry("a.so")])) ?? [];
    expect(found.map(({ path }) => path)).toEqual(["/first", "/usr/lib/a.so"]);
  });

  test.skipIf(!existsSync(ofHost))("of this host is understood, and ldconfig understands ours", () => {
    const entries = parseLdCache(readFileSync(ofHost)) ?? [];
    expect(entries.length).toBeGreaterThan(3);
    for (const [i, { name }] of entries.entries())
      if (i > 0) expect(compareLibraries(entries[i - 1]?.name ?? "", name)).toBeGreaterThanOrEqual(0);
    const directory = mkdtempSync(join(tmpdir(), "ld-cache-"));
    const path = join(directory, "cache");
    writeFileSync(path, formatLdCache([entry("libours.so.1"), ...entries]));
    const { stdout } = spawnSync(ldconfig, ["-C", path, "-p"], { encoding: "utf8" });
    rmSync(directory, { recursive: true });
    expect(stdout).toContain(`${entries.length + 1} libs found`);
    expect(stdout).toMatch(/libours\.so\.1 \(libc6,x86-64\) => \/usr\/lib\/libours\.so\.1/);
    for (const { name, path: of } of entries) {
      expect(stdout).toContain(`${name} (`);
      expect(stdout).toContain(of);
    }
  });

  test("damage is no cache, and never an exception", () => {
    const sound = Buffer.from(formatLdCache([entry("liba.so.1"), entry("libb.so.2")]));
    expect(parseLdCache(Buffer.alloc(0))).toBeUndefined();
    expect(parseLdCache(sound.subarray(0, 60))).toBeUndefined();
    expect(
      parseLdCache(Buffer.from("ld.so-1.7.0\0\xff\xff\xff\xff\xff\xff\xff\xff", "latin1")),
    ).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(255), fc.nat(sound.length), (at, byte, length) => {
        const damaged = Buffer.from(sound);
        damaged[at] = byte;
        parseLdCache(damaged.subarray(0, length));
      }),
    );
  });
});

describe("findElfLibrary()", () => {
  const reader =
    (bytes: Buffer): ReadAt =>
    (offset, length) =>
      bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));
  const libc = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
  ].find(existsSync);

  test.skipIf(libc === undefined)("finds the name of a library of this host", () => {
    const bytes = readFileSync(realpathSync(libc ?? ""));
    expect(findElfLibrary(reader(bytes))).toEqual({
      soname: "libc.so.6",
      cacheFlags: process.arch === "arm64" ? 0xa03 : 0x303,
    });
  });

  test.skipIf(libc === undefined)("damage is never an exception", () => {
    const bytes = readFileSync(realpathSync(libc ?? ""));
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(255), (at, byte) => {
        const before = bytes[at] ?? 0;
        bytes[at] = byte;
        findElfLibrary(reader(bytes));
        findElfLibrary(reader(bytes.subarray(0, at)));
        bytes[at] = before;
      }),
    );
  });

  test("a text, a program and nothing are no library", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("#!/bin/sh\n".repeat(20)), Buffer.alloc(200)])
      expect(findElfLibrary(reader(bytes))).toBeUndefined();
  });
});
