import { describe, expect, test } from "bun:test";
import {
  DM_DEV_CREATE,
  DM_GET_TARGET_VERSION,
  DM_READONLY_FLAG,
  encodeRequest,
  isTruncated,
  parseDevices,
  parseLine,
  parseState,
} from "../../../src/linux/device-mapper/internal/request.ts";

const text = (bytes: Uint8Array, from: number, length: number): string =>
  Buffer.from(bytes.subarray(from, from + length))
    .toString("latin1")
    .replace(/\0+$/, "");

describe("encodeRequest()", () => {
  test("is the kernel's struct dm_ioctl, 312 bytes, and its ioctls are as the kernel numbers them", () => {
    expect([DM_DEV_CREATE.toString(16), DM_GET_TARGET_VERSION.toString(16)]).toEqual([
      "c138fd03",
      "c138fd11",
    ]);
    const request = encodeRequest({ name: "tare-a-1", flags: 0x2_0000 });
    const words = new Uint32Array(request.buffer, 0, 12);
    expect(request).toHaveLength(312);
    //                   version  size start targets open flags     event pad dev
    expect([...words]).toEqual([4, 0, 0, 312, 312, 0, 0, 0x2_0000, 0, 0, 0, 0]);
    expect(text(request, 48, 128)).toBe("tare-a-1");
    expect([...request.subarray(48 + 8)].every((byte) => byte === 0)).toBe(true);
  });

  test("a table has one target: sectors, type, parameters ended by a zero byte, its length a multiple of eight", () => {
    const line = { sectors: 2 ** 33 + 1, type: "thin", parameters: "253:0 7" };
    const request = encodeRequest({ name: "n", flags: DM_READONLY_FLAG, line });
    const view = new DataView(request.buffer);
    expect(request).toHaveLength(312 + 48);
    expect([view.getUint32(12, true), view.getUint32(20, true), view.getUint32(28, true)]).toEqual([
      360, 1, 1,
    ]);
    expect([view.getBigUint64(312, true), view.getBigUint64(320, true)]).toEqual([0n, 2n ** 33n + 1n]);
    expect([view.getInt32(328, true), view.getUint32(332, true)]).toEqual([0, 48]);
    expect(text(request, 312 + 24, 16)).toBe("thin");
    expect(Buffer.from(request.subarray(312 + 40)).toString("latin1")).toBe("253:0 7\0");
  });

  test("a message is a sector, which is 0, and the text", () => {
    const request = encodeRequest({ name: "n", message: "delete 5" });
    expect(request).toHaveLength(312 + 8 + 9);
    expect(Buffer.from(request.subarray(312)).toString("latin1")).toBe("\0\0\0\0\0\0\0\0delete 5\0");
  });

  test("leaves room for an answer, and refuses a name that is too long", () => {
    expect(encodeRequest({ bytes: 4096 })).toHaveLength(4096);
    expect(() => encodeRequest({ name: "n".repeat(128) })).toThrow("is longer than 127 bytes");
    expect(() => encodeRequest({ line: { sectors: 1, type: "t".repeat(16), parameters: "" } })).toThrow(
      "15 bytes",
    );
  });
});

describe("answers", () => {
  const answer = (fill: (view: DataView, bytes: Buffer) => void): Uint8Array => {
    const bytes = encodeRequest({ bytes: 1024 });
    fill(new DataView(bytes.buffer), Buffer.from(bytes.buffer));
    return bytes;
  };

  test("parseState() reads flags, users, and device numbers beyond eight bits", () => {
    const state = parseState(
      answer((view) => {
        view.setInt32(24, 3, true);
        view.setUint32(28, 0x20 | 0x2, true);
        view.setBigUint64(40, BigInt(0x2c | (253 << 8) | (0x100 << 12)), true);
      }),
    );
    expect(state).toEqual({ isActive: true, isSuspended: true, openCount: 3, major: 253, minor: 0x12c });
    expect(parseState(answer(() => undefined)).isActive).toBe(false);
  });

  test("parseLine() reads the first line of a table or of a status", () => {
    const line = parseLine(
      answer((view, bytes) => {
        view.setUint32(20, 1, true);
        view.setBigUint64(312 + 8, 2048n, true);
        bytes.write("thin-pool", 312 + 24);
        bytes.write("7:0 7:1 128 3 1 error_if_no_space \0junk", 312 + 40);
      }),
    );
    const parameters = "7:0 7:1 128 3 1 error_if_no_space";
    expect(line).toEqual({ sectors: 2048, type: "thin-pool", parameters });
    expect(parseLine(answer(() => undefined))).toBeUndefined();
  });

  test("parseDevices() follows the list to its end; isTruncated() tells of one that is cut", () => {
    const bytes = answer((view, buffer) => {
      view.setUint32(28, 0x100, true);
      view.setBigUint64(312, BigInt(253 << 8), true);
      view.setUint32(312 + 8, 32, true);
      buffer.write("one", 312 + 12);
      view.setBigUint64(344, BigInt((253 << 8) | 1), true);
      buffer.write("two", 344 + 12);
    });
    expect(parseDevices(bytes)).toEqual([
      { name: "one", major: 253, minor: 0 },
      { name: "two", major: 253, minor: 1 },
    ]);
    expect([isTruncated(bytes), isTruncated(answer(() => undefined))]).toEqual([true, false]);
    expect(parseDevices(answer(() => undefined))).toEqual([]);
  });
});
