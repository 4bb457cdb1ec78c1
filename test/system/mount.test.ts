import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { filesystemMagic, filesystemStatus } from "../../src/linux/filesystem-status.ts";
import {
  cloneTree,
  createFilesystem,
  moveMount,
  setMountAttributes,
  unmount,
} from "../../src/linux/mount.ts";
import { listMounts } from "../../src/linux/mountinfo.ts";
import { openDirectoryPath as openDirectory } from "../../src/linux/open.ts";

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
    using proc = createFilesystem("proc", []);
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

  test("setMountAttributes() replaces the access time mode", () => {
    using mount = createFilesystem("tmpfs", []);
    setMountAttributes(mount.fd, { set: MOUNT_ATTR_NOATIME });
    expect(readFileSync(`/proc/self/fdinfo/${mount.fd}`, "utf8")).toContain("mnt_id");
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
