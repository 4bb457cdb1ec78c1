import { describe, expect, test } from "bun:test";
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
} from "../../../src/linux/constants/mount.ts";
import { encodeMountAttributes } from "../../../src/linux/mount/mount.ts";
import {
  defaultTmpfsOptions,
  formatMountData,
  parseMountOptions,
  parseTmpfsOptions,
} from "../../../src/linux/mount/mount-options.ts";

describe("parseTmpfsOptions()", () => {
  test("parseTmpfsOptions() tells attributes from parameters", () => {
    expect(parseTmpfsOptions("ro,nosuid,size=64m,mode=1777")).toEqual({
      attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
      parameters: [
        ["size", "64m"],
        ["mode", "1777"],
      ],
    });
  });

  test("parseTmpfsOptions() lets the last word win", () => {
    const { attributes, parameters } = parseTmpfsOptions(`${defaultTmpfsOptions},exec,size=1,size=2`);
    expect(attributes).toBe(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    expect(parameters).toEqual([["size", "2"]]);
    expect(parseTmpfsOptions("noatime,strictatime").attributes).toBe(MOUNT_ATTR_STRICTATIME);
    expect(parseTmpfsOptions("ro,rw").attributes).toBe(0);
    expect(parseTmpfsOptions("").parameters).toEqual([]);
  });

  test.each([
    "size",
    "size=",
    "size=1x",
    "huge=always",
    "lowerdir=/",
    "mode=9",
    "uid=-1",
    "source=/etc",
    "size=1=2",
  ])("parseTmpfsOptions() refuses %p", (option) => {
    expect(() => parseTmpfsOptions(`ro,${option}`)).toThrow(`invalid tmpfs option "${option}"`);
  });
});

describe("parseMountOptions()", () => {
  test("parseMountOptions() reads the words of a runtime configuration", () => {
    expect(
      parseMountOptions(["rbind", "ro", "noexec", "noatime", "rslave", "newinstance", "ptmxmode=0666"]),
    ).toEqual({
      attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME,
      propagation: { type: "slave", recursive: true },
      parameters: [
        ["newinstance", true],
        ["ptmxmode", "0666"],
      ],
    });
  });

  test("formatMountData() writes what mount(2) takes", () => {
    expect(formatMountData(parseMountOptions(["newinstance", "ptmxmode=0666"]).parameters)).toBe(
      "newinstance,ptmxmode=0666",
    );
  });
});

describe("encodeMountAttributes()", () => {
  const words = (bytes: Uint8Array): number[] =>
    [0, 8, 16, 24].map((at) => Number(new DataView(bytes.buffer).getBigUint64(at, true)));

  test("encodeMountAttributes() clears the old access time mode when it sets one", () => {
    expect(words(encodeMountAttributes({ set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR_RDONLY }))).toEqual([
      0x10, 0x71, 0, 0,
    ]);
  });

  test("encodeMountAttributes() asks for an idmapped mount when given a user namespace", () => {
    expect(words(encodeMountAttributes({ usernsFd: 9, propagation: "private" }))).toEqual([
      0x100000, 0, 0x40000, 9,
    ]);
  });
});
