import { describe, expect, test } from "bun:test";
import {
  mergeCdiEdits,
  resolveDeviceRequests,
  toRuntimeMounts,
} from "../../../src/engine/resolve/device-requests.ts";
import type { DeviceRequestSpec } from "../../../src/model/devices.ts";

const request = (fields: Partial<DeviceRequestSpec>): DeviceRequestSpec => ({
  driver: "",
  count: 0,
  ids: [],
  capabilities: [["gpu"]],
  options: {},
  ...fields,
});
const nvidia = ["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all", "nvidia.com/gpu=GPU-1"];
const amd = ["amd.com/gpu=0", "amd.com/gpu=all"];
const other = ["vendor.com/device=a", "vendor.com/device=b"];

describe("resolveDeviceRequests()", () => {
  test.each<[string, readonly string[], Partial<DeviceRequestSpec>, readonly string[]]>([
    [
      "cdi",
      other,
      { driver: "cdi", ids: [other[1] ?? "", other[0] ?? ""], capabilities: [] },
      [...other].reverse(),
    ],
    [
      "cdi, twice the same",
      other,
      { driver: "cdi", ids: [other[0] ?? "", other[0] ?? ""] },
      other.slice(0, 1),
    ],
    ["cdi, none", other, { driver: "cdi" }, []],
    ["all GPUs", [...amd, ...nvidia], { count: -1 }, ["nvidia.com/gpu=all"]],
    ["all GPUs of AMD", [...amd, ...other], { count: -1 }, ["amd.com/gpu=all"]],
    ["the driver chooses", [...amd, ...nvidia], { driver: "amd", count: 1 }, ["amd.com/gpu=0"]],
    ["two GPUs", nvidia, { driver: "nvidia", count: 2 }, ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]],
    ["no GPU", nvidia, { count: 0 }, []],
    ["by id", nvidia, { ids: ["GPU-1", "nvidia.com/gpu=0"] }, ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=0"]],
    [
      "any list of capabilities",
      nvidia,
      { count: 1, capabilities: [["tpu"], ["utility", "gpu"]] },
      nvidia.slice(0, 1),
    ],
  ])("%s", (_, known, fields, names) => {
    expect(resolveDeviceRequests([request(fields)], { known: new Set(known) })).toEqual(names);
  });

  test.each<[string, readonly string[], Partial<DeviceRequestSpec>, string]>([
    ["no specification", [], { count: -1 }, 'could not select device driver "" with capabilities: [[gpu]]'],
    ["other devices alone", other, { count: -1 }, 'could not select device driver "" with'],
    ["an unknown driver", nvidia, { driver: "tpu" }, 'could not select device driver "tpu" with'],
    ["no capability", nvidia, { count: 1, capabilities: [] }, 'driver "" with capabilities: []'],
    ["an empty list", nvidia, { count: 1, capabilities: [[]] }, 'driver "" with capabilities: [[]]'],
    ["an unknown capability", nvidia, { capabilities: [["gpu", "tpu"]] }, "capabilities: [[gpu tpu]]"],
    ["amd's driver, without its devices", nvidia, { driver: "amd" }, 'driver "amd"'],
    ["too many", nvidia, { count: 1_000_000_000 }, "unresolvable CDI devices nvidia.com/gpu=2"],
    ["both", nvidia, { count: 1, ids: ["0"] }, "cannot set both Count and DeviceIDs on device request"],
    ["cdi with a count", other, { driver: "cdi", count: 1 }, "unexpected count in CDI device request"],
    [
      "cdi with options",
      other,
      { driver: "cdi", options: { a: "b" } },
      "unexpected options in CDI device request",
    ],
    [
      "unknown devices",
      other,
      { driver: "cdi", ids: ["a", "b.com/c=d"] },
      "unresolvable CDI devices a, b.com/c=d",
    ],
  ])("%s is dockerd's error", (_, known, fields, message) => {
    expect(() => resolveDeviceRequests([request(fields)], { known: new Set(known) })).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining(message) }),
    );
  });

  test("without CDI there is no driver for any request", () => {
    const cdi = request({ driver: "cdi", ids: ["a.com/b=c"], capabilities: [] });
    expect(() => resolveDeviceRequests([cdi], { known: new Set(), isEnabled: false })).toThrow(
      'could not select device driver "cdi" with capabilities: []',
    );
  });
});

const empty = { env: [], deviceNodes: [], mounts: [], hooks: [], additionalGids: [] };

test("mergeCdiEdits() keeps their order, and each group once", () => {
  const merged = mergeCdiEdits([
    { ...empty, path: "/a.json", env: ["A=1"], additionalGids: [1, 2] },
    { ...empty, path: "/a.json", env: ["A=2"], additionalGids: [2] },
  ]);
  const hooks = { links: [], modes: [], libraryFolders: [] };
  expect(merged).toEqual({ ...empty, hooks, env: ["A=1", "A=2"], additionalGids: [1, 2] });
});

describe("toRuntimeMounts()", () => {
  const mount = (
    containerPath: string,
    options: readonly string[] = [],
  ): Parameters<typeof toRuntimeMounts>[0] => [{ hostPath: "/host", containerPath, options }];

  test("the last mount of a target counts; a bind is recursive unless it says otherwise", () => {
    const found = toRuntimeMounts([
      ...mount("/a", ["ro"]),
      ...mount("//a/", ["bind"]),
      ...mount("/b", ["ro"]),
    ]);
    expect(found).toEqual([
      { destination: "/a", type: "bind", source: "/host", options: ["bind"] },
      { destination: "/b", type: "bind", source: "/host", options: ["rbind", "ro"] },
    ]);
  });

  test.each(["/proc", "/proc/x", "/sys", "/sys/fs", "/dev", "/dev/.", "/"])("%s is refused", (path) => {
    expect(() => toRuntimeMounts(mount(path))).toThrow("it mounts on");
  });

  test("/dev/shm, /devices and /process are no kernel's", () => {
    for (const path of ["/dev/shm", "/devices", "/process"])
      expect(toRuntimeMounts(mount(path))[0]?.destination).toBe(path);
  });
});
