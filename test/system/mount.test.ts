import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  OVERLAYFS_SUPER_MAGIC,
  PROC_SUPER_MAGIC,
  TMPFS_MAGIC,
} from "../../src/linux/constants/mount.ts";
import { filesystemMagic, filesystemStatus } from "../../src/linux/mount/filesystem-status.ts";
import {
  cloneTree,
  createFilesystem,
  moveMount,
  setMountAttributes,
  unmount,
} from "../../src/linux/mount/mount.ts";
import { listMounts } from "../../src/linux/mount/mountinfo.ts";
import { sleep } from "../../src/base/deadline.ts";
import { openNamespace, readNamespaces } from "../../src/linux/namespaces/namespaces.ts";
import { openProcess } from "../../src/linux/process/process.ts";
import { openDirectoryPath as openDirectory } from "../../src/linux/files/open.ts";

function withFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "tare-mount-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("createFilesystem()", () => {
  test("createFilesystem() makes a detached mount that is on no mount table", () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    using mount = createFilesystem(
      "tmpfs",
      [
        ["size", "1m"],
        ["mode", "0700"],
      ],
      { attributes: MOUNT_ATTR_NOSUID },
    );
    expect(filesystemMagic(mount.fd)).toBe(TMPFS_MAGIC);
    expect(filesystemStatus(mount.fd).totalBytes).toBe(1 << 20);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
  });

  test("createFilesystem() says what the kernel says when it refuses a parameter", () => {
    expect(() => createFilesystem("overlay", [["nonsense", "x"]])).toThrow(
      /^cannot create a file system of type "overlay": fsconfig\(\d+, 1, "nonsense", "x", 0\): EINVAL \(overlay: .*nonsense/,
    );
  });

  test("createFilesystem() says which text is too long", () => {
    expect(() => createFilesystem("tmpfs", [["size", "1".repeat(300)]])).toThrow(
      /"size" is longer than 255 bytes/,
    );
  });

  test("createFilesystem() refuses a type that the kernel lacks", () => {
    expect(() => createFilesystem("nosuchfs", [])).toThrow(/ENODEV/);
  });

  test("createFilesystem() joins overlay layers given one by one", () => {
    withFolder((folder) => {
      for (const name of ["a", "b", "upper", "work"]) mkdirSync(join(folder, name));
      writeFileSync(join(folder, "a/one"), "1");
      writeFileSync(join(folder, "b/two"), "2");
      using mount = createFilesystem("overlay", [
        ["lowerdir+", join(folder, "a")],
        ["lowerdir+", join(folder, "b")],
        ["upperdir", join(folder, "upper")],
        ["workdir", join(folder, "work")],
      ]);
      expect(filesystemMagic(mount.fd)).toBe(OVERLAYFS_SUPER_MAGIC);
      expect(filesystemStatus(mount.fd).readonly).toBe(false);
      expect(readFileSync(`/proc/self/fd/${mount.fd}/two`, "utf8")).toBe("2");
      writeFileSync(`/proc/self/fd/${mount.fd}/three`, "3");
      expect(readFileSync(join(folder, "upper/three"), "utf8")).toBe("3");
    });
  });
});

describe("cloneTree()", () => {
  test("cloneTree() shares nothing with the mount that it was made from", () => {
    withFolder((folder) => {
      using tmpfs = createFilesystem("tmpfs", []);
      using target = openDirectory(folder);
      moveMount(tmpfs.fd, target.fd);
      try {
        using root = openDirectory(folder);
        setMountAttributes(root.fd, { propagation: "shared" });
        expect(listMounts().find((mount) => mount.target === folder)?.sharedWith).toBeNumber();
        mkdirSync(join(folder, "in"));
        using clone = cloneTree(folder, { recursive: true });
        const before = listMounts().length;
        using inner = createFilesystem("tmpfs", []);
        using place = openDirectory(`/proc/self/fd/${clone.fd}/in`);
        try {
          moveMount(inner.fd, place.fd);
        } catch {
          return; // KERNEL: before 6.15 or so a detached tree takes no mounts
        }
        expect(listMounts().length).toBe(before);
      } finally {
        unmount(folder);
      }
    });
  });

  test("cloneTree() of a descriptor clones what the descriptor is on", () => {
    using proc = openDirectory("/proc"); // KERNEL(6.15): only then could it be detached itself
    using clone = cloneTree(proc.fd);
    expect(filesystemMagic(clone.fd)).toBe(PROC_SUPER_MAGIC);
  });
});

describe("setMountAttributes()", () => {
  test("setMountAttributes() makes a detached mount read-only and back", () => {
    using mount = createFilesystem("tmpfs", []);
    setMountAttributes(mount.fd, { set: MOUNT_ATTR_RDONLY });
    expect(filesystemStatus(mount.fd).readonly).toBe(true);
    expect(() => writeFileSync(`/proc/self/fd/${mount.fd}/x`, "")).toThrow(/EROFS/);
    setMountAttributes(mount.fd, { clear: MOUNT_ATTR_RDONLY });
    writeFileSync(`/proc/self/fd/${mount.fd}/x`, "");
  });

  test("setMountAttributes() shows the ids of a user namespace", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tare-idmap-"));
    const child = spawn("unshare", ["--user", "sleep", "60"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      while (readNamespaces(child.pid as number).user === readNamespaces("self").user) await sleep(2);
      writeFileSync(`/proc/${child.pid}/uid_map`, "0 100000 1000");
      writeFileSync(`/proc/${child.pid}/gid_map`, "0 200000 1000");
      using pidfd = openProcess(child.pid as number);
      using userns = openNamespace({ pid: child.pid as number, pidfd: pidfd.fd }, "user");
      writeFileSync(join(folder, "file"), "");
      using tree = cloneTree(folder);
      setMountAttributes(tree.fd, { usernsFd: userns.fd });
      expect(statSync(`/proc/self/fd/${tree.fd}/file`)).toMatchObject({ uid: 100_000, gid: 200_000 });
      expect(statSync(join(folder, "file"))).toMatchObject({ uid: 0, gid: 0 });
    } finally {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    }
  });

  test("setMountAttributes() replaces the access time mode", () => {
    using mount = createFilesystem("tmpfs", []);
    writeFileSync(`/proc/self/fd/${mount.fd}/x`, "x");
    const accessedBy = (): number => {
      const past = new Date(0);
      utimesSync(`/proc/self/fd/${mount.fd}/x`, past, past);
      readFileSync(`/proc/self/fd/${mount.fd}/x`);
      return statSync(`/proc/self/fd/${mount.fd}/x`).atimeMs;
    };
    expect(accessedBy()).toBeGreaterThan(0);
    setMountAttributes(mount.fd, { set: MOUNT_ATTR_NOATIME });
    expect(accessedBy()).toBe(0);
  });
});

describe("moveMount()", () => {
  test("moveMount() attaches below a directory and unmount() takes it away", () => {
    withFolder((folder) => {
      mkdirSync(join(folder, "here"));
      using mount = createFilesystem("tmpfs", [], { source: "tare" });
      using target = openDirectory(folder);
      moveMount(mount.fd, target.fd, "here");
      const found = listMounts().find((entry) => entry.target === join(folder, "here"));
      expect(found).toMatchObject({ type: "tmpfs", source: "tare" });
      unmount(join(folder, "here"));
      expect(listMounts().some((entry) => entry.target.startsWith(folder))).toBe(false);
    });
  });
});
