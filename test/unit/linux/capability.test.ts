import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  capabilitiesOfMask,
  capabilityMask,
  type CapabilityName,
  capabilityNames,
  capabilityNumber,
  defaultCapabilities,
  encodeCapset,
  parseCapability,
  resolveCapabilities,
} from "../../../src/linux/process/capability.ts";

test("capabilityNames has the kernel's 41, each at its number", () => {
  expect(capabilityNames.length).toBe(41);
  expect(capabilityNumber("CAP_CHOWN")).toBe(0);
  expect(capabilityNumber("CAP_NET_ADMIN")).toBe(12);
  expect(capabilityNumber("CAP_SYS_ADMIN")).toBe(21);
  expect(capabilityNumber("CAP_SETFCAP")).toBe(31);
  expect(capabilityNumber("CAP_CHECKPOINT_RESTORE")).toBe(40);
});

test("parseCapability() reads Docker's spellings", () => {
  for (const text of ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_net_admin", "Cap_Net_Admin"]) {
    expect(parseCapability(text)).toBe("CAP_NET_ADMIN");
  }
  expect(parseCapability("all")).toBe("ALL");
  for (const text of ["", "CAP_", "NET", "CAP_ALL", "CAP_CAP_CHOWN", " CHOWN", "CHOWN\0"]) {
    expect(() => parseCapability(text)).toThrow("unknown capability: ");
  }
});

describe("resolveCapabilities()", () => {
  const all = capabilityNames.length;
  const table: readonly [
    string,
    Parameters<typeof resolveCapabilities>[0],
    (set: ReadonlySet<CapabilityName>) => unknown,
    unknown,
  ][] = [
    ["gives Docker's 14", {}, (set) => set.size, 14],
    [
      "gives all to the privileged, whatever is dropped",
      { privileged: true, drop: ["ALL"] },
      (set) => set.size,
      all,
    ],
    ["adds one", { add: ["sys_admin"] }, (set) => [set.size, set.has("CAP_SYS_ADMIN")], [15, true]],
    ["drops one", { drop: ["MKNOD"] }, (set) => [set.size, set.has("CAP_MKNOD")], [13, false]],
    ["drops what is not there", { drop: ["SYS_ADMIN"] }, (set) => set.size, 14],
    ["adds after dropping", { add: ["MKNOD"], drop: ["MKNOD"] }, (set) => set.has("CAP_MKNOD"), true],
    ["adds all", { add: ["ALL"] }, (set) => set.size, all],
    [
      "adds all but the dropped",
      { add: ["ALL", "MKNOD"], drop: ["mknod"] },
      (set) => [set.size, set.has("CAP_MKNOD")],
      [all - 1, false],
    ],
    ["drops all", { drop: ["all"] }, (set) => set.size, 0],
    ["drops all but the added", { add: ["KILL"], drop: ["ALL"] }, (set) => [...set], ["CAP_KILL"]],
    ["adds all, though all are dropped", { add: ["ALL"], drop: ["ALL"] }, (set) => set.size, all],
    [
      "leaves out what the host lacks",
      { add: ["ALL"], available: new Set(["CAP_KILL"] as const) },
      (set) => [...set],
      ["CAP_KILL"],
    ],
  ];
  for (const [name, options, look, wanted] of table) {
    test(name, () => expect(look(resolveCapabilities(options))).toEqual(wanted));
  }

  test("refuses an unknown name, even when privileged", () => {
    expect(() => resolveCapabilities({ add: ["FLY"], privileged: true })).toThrow(
      'invalid CapAdd: unknown capability: "CAP_FLY"',
    );
  });
});

test("capabilityMask() and capabilitiesOfMask() undo each other", () => {
  // CapEff of a container with Docker's default, from /proc/PID/status.
  expect(capabilityMask(defaultCapabilities)).toBe(0xa804_25fbn);
  expect(capabilityMask(capabilityNames)).toBe((1n << 41n) - 1n);
  expect(capabilitiesOfMask(1n << 63n)).toEqual([]);
  fc.assert(
    fc.property(fc.subarray([...capabilityNames]), (names) => {
      expect(capabilitiesOfMask(capabilityMask(names))).toEqual(names);
    }),
  );
});

test("encodeCapset() writes version 3, both halves, and nothing inheritable", () => {
  const { header, data } = encodeCapset(-2, {
    effective: ["CAP_KILL", "CAP_BPF"],
    permitted: ["CAP_SETFCAP"],
  });
  expect([...new Uint32Array(header.buffer)]).toEqual([0x2008_0522, 0xffff_fffe]);
  expect([...new Uint32Array(data.buffer)]).toEqual([0x20, 0x8000_0000, 0, 0x80, 0, 0]);
});
