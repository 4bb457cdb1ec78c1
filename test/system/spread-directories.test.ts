import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { spreadDirectories } from "../../src/linux/files/spread-directories.ts";
import { SmallDisk } from "../support/small-disk.ts";

/** The flags of a directory as lsattr(1) writes them, without those that it has not. */
function flagsOf(path: string): string {
  const { stdout, status, stderr } = spawnSync("lsattr", ["-d", path], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return (stdout.split(" ")[0] ?? "").replaceAll("-", "");
}

describe("spreadDirectories()", () => {
  test("spreadDirectories() marks a directory of ext4, once, and keeps its other flags", () => {
    using disk = new SmallDisk("ext4", { mebibytes: 16 });
    const path = `${disk.path}/drafts`;
    mkdirSync(path);
    spawnSync("chattr", ["+A", path]);
    const before = flagsOf(path);
    using directory = openDirectoryPath(path);
    for (let times = 0; times < 2; times++) {
      spreadDirectories(directory.fd);
      expect([...flagsOf(path)].sort().join("")).toBe([...before, "T"].sort().join(""));
    }
    mkdirSync(`${path}/layer`);
    expect(flagsOf(`${path}/layer`)).not.toContain("T");
  });

  test("spreadDirectories() is no failure where there is no such hint", () => {
    using disk = new SmallDisk("tmpfs", { mebibytes: 1 });
    using directory = openDirectoryPath(disk.path);
    expect(() => spreadDirectories(directory.fd)).not.toThrow();
  });
});
