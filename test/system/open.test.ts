import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { kindOf } from "../../src/base/failure.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../../src/linux/constants/open.ts";
import { ensureDirectoryInRoot } from "../../src/linux/files/ensure-directory.ts";
import {
  openBeneath,
  openDirectoryPath,
  openInRoot,
  readFileInRoot,
  readLinkAt,
} from "../../src/linux/files/open.ts";
import { findStatAt, statAt, statFd } from "../../src/linux/files/stat.ts";
import { attempt } from "../../src/linux/kernel/syscall.ts";
import { Scratch } from "../support/scratch.ts";

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);
const F_GETFD = 1;

function kindThrown(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return kindOf(thrown);
  }
  return "nothing";
}

describe("openInRoot()", () => {
  test("openInRoot() keeps '..', absolute paths and links inside the root", () => {
    using scratch = new Scratch("open");
    mkdirSync(scratch.join("root/etc"), { recursive: true });
    writeFileSync(scratch.join("root/etc/passwd"), "inside");
    symlinkSync("/etc", scratch.join("root/absolute"));
    symlinkSync("../../../../../etc", scratch.join("root/relative"));
    using root = openDirectoryPath(scratch.join("root"));
    for (const path of ["/etc/passwd", "../../etc/passwd", "absolute/passwd", "relative/passwd"]) {
      expect(text(readFileInRoot(root.fd, path, { limit: 100 }))).toBe("inside");
    }
    using opened = openInRoot(root.fd, "", O_PATH);
    expect(attempt("fcntl", opened.fd, F_GETFD, 0)).toBe(1);
  });

  test("openInRoot() refuses magic links of /proc", () => {
    using root = openDirectoryPath("/");
    expect(() => openInRoot(root.fd, "proc/self/fd/0", O_RDONLY)).toThrow("ELOOP");
    expect(() => openInRoot(root.fd, "proc/self/root/etc", O_RDONLY)).toThrow("ELOOP");
  });
});

describe("openBeneath()", () => {
  test("openBeneath() fails when the path leads out", () => {
    using scratch = new Scratch("open");
    symlinkSync("/etc", scratch.join("out"));
    using root = openDirectoryPath(scratch.path);
    for (const path of ["..", "/etc", "out"]) {
      expect(() => openBeneath(root.fd, path, O_RDONLY | O_DIRECTORY)).toThrow("EXDEV");
    }
  });
});

describe("readFileInRoot()", () => {
  test("readFileInRoot() never hangs on a fifo, and refuses devices, directories and long files", () => {
    using scratch = new Scratch("open");
    spawnSync("mkfifo", [scratch.join("fifo")]);
    spawnSync("mknod", [scratch.join("zero"), "c", "1", "5"]);
    writeFileSync(scratch.join("long"), "x".repeat(101));
    writeFileSync(scratch.join("fits"), "x".repeat(100));
    using root = openDirectoryPath(scratch.path);
    for (const path of ["fifo", "zero", "", "long"]) {
      expect(kindThrown(() => readFileInRoot(root.fd, path, { limit: 100 }))).toBe("invalid");
    }
    expect(readFileInRoot(root.fd, "fits", { limit: 100 })?.length).toBe(100);
    expect(readFileInRoot(root.fd, "absent/file", { limit: 100 })).toBeUndefined();
    using host = openDirectoryPath("/proc/self");
    expect(text(readFileInRoot(host.fd, "comm", { limit: 100 }))).toBe(
      readFileSync("/proc/self/comm", "utf8"),
    );
  });
});

describe("ensureDirectoryInRoot()", () => {
  test("ensureDirectoryInRoot() makes missing components with mode and owner, and is idempotent", () => {
    using scratch = new Scratch("open");
    using root = openDirectoryPath(scratch.path);
    for (let twice = 0; twice < 2; twice++) {
      using made = ensureDirectoryInRoot(root.fd, "/a/b/c", { mode: 0o1777, uid: 5, gid: 6 });
      const stat = statFd(made.fd);
      expect([stat.permissions, stat.uid, stat.gid]).toEqual([0o1777, 5, 6]);
    }
    expect(statSync(scratch.join("a")).uid).toBe(5);
  });

  test("ensureDirectoryInRoot() follows links in the root only, also to what is missing", () => {
    using scratch = new Scratch("open");
    mkdirSync(scratch.join("root/var"), { recursive: true });
    symlinkSync("/run", scratch.join("root/var/run"));
    symlinkSync("../../../outside", scratch.join("root/up"));
    using root = openDirectoryPath(scratch.join("root"));
    ensureDirectoryInRoot(root.fd, "var/run/app")[Symbol.dispose]();
    ensureDirectoryInRoot(root.fd, "up/x")[Symbol.dispose]();
    expect(statSync(scratch.join("root/run/app")).isDirectory()).toBe(true);
    expect(statSync(scratch.join("root/outside/x")).isDirectory()).toBe(true);
    expect(() => statSync(scratch.join("outside"))).toThrow("ENOENT");
  });

  test("ensureDirectoryInRoot() refuses files and loops in the way", () => {
    using scratch = new Scratch("open");
    writeFileSync(scratch.join("file"), "");
    symlinkSync("loop", scratch.join("loop"));
    using root = openDirectoryPath(scratch.path);
    expect(kindThrown(() => ensureDirectoryInRoot(root.fd, "file/x"))).toBe("invalid");
    expect(kindThrown(() => ensureDirectoryInRoot(root.fd, "file"))).toBe("invalid");
    expect(kindThrown(() => ensureDirectoryInRoot(root.fd, "loop/x"))).toBe("invalid");
    expect(kindThrown(() => ensureDirectoryInRoot(root.fd, "missing/../x"))).toBe("invalid");
  });
});

describe("statAt()", () => {
  test("statAt() does not follow links; findStatAt() is undefined when absent", () => {
    using scratch = new Scratch("open");
    symlinkSync("target", scratch.join("link"));
    using root = openDirectoryPath(scratch.path);
    expect(statAt(root.fd, "link").kind).toBe("symlink");
    expect(text(readLinkAt(root.fd, "link"))).toBe("target");
    expect(findStatAt(root.fd, "absent")).toBeUndefined();
    using host = openDirectoryPath("/dev");
    const zero = statAt(host.fd, "zero");
    expect([zero.kind, zero.major, zero.minor]).toEqual(["character", 1, 5]);
  });
});
