import { describe, expect, test } from "bun:test";
import { formatDevices, parseDeviceRule, parseDevices } from "../../../src/api/container/device-fields.ts";
import {
  parseDevice,
  parseDeviceRequests,
  parseGpus,
} from "../../../src/cli/container/flags/parsers/devices.ts";
import { checkDeviceRules, checkDevices, resolveDeviceRules } from "../../../src/engine/resolve/devices.ts";

describe("parseDevices()", () => {
  test("gives the engine's words, and formatDevices() the fields back", () => {
    const fields = {
      Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" }],
      DeviceCgroupRules: ["c 1:3 rwm", "b *:7 r", "a *:* rwm"],
    };
    const planned = parseDevices(fields);
    expect(planned).toEqual({
      devices: [{ source: "/dev/a", target: "/dev/b", access: "r" }],
      deviceRules: [
        { type: "c", major: 1, minor: 3, access: "rwm" },
        { type: "b", minor: 7, access: "r" },
        { type: "a", access: "rwm" },
      ],
    });
    expect(formatDevices(planned)).toEqual(fields);
    expect(parseDevices({ Devices: [{ PathOnHost: "/dev/a" }] }).devices).toEqual([
      { source: "/dev/a", target: "/dev/a", access: "rwm" },
    ]);
    expect(formatDevices(parseDevices({}))).toEqual({});
  });

  test.each([
    ["c 1:3 x", "invalid device cgroup rule format: 'c 1:3 x'"],
    ["c 1:3 rwm\na *:* rwm", "invalid device cgroup rule format: 'c 1:3 rwm\na *:* rwm'"],
    ["c 4294967296:3 r", "invalid major value in device cgroup rule format: 'c 4294967296:3 r'"],
    ["c 1:99999999999 r", "invalid minor value in device cgroup rule format: 'c 1:99999999999 r'"],
  ])("parseDeviceRule(%j) is refused", (text, sentence) => {
    expect(() => parseDeviceRule(text)).toThrow(sentence);
  });
});

describe("parseDevice()", () => {
  test.each([
    ["/dev/a", ["/dev/a", "/dev/a", "rwm"]],
    ["/dev/a:/dev/b", ["/dev/a", "/dev/b", "rwm"]],
    ["/dev/a:r", ["/dev/a", "/dev/a", "r"]],
    ["/dev/a:/dev/b:mw", ["/dev/a", "/dev/b", "mw"]],
  ])("%s", (text, [host, inside, access]) => {
    expect(parseDevice(text)).toEqual({
      PathOnHost: host ?? "",
      PathInContainer: inside ?? "",
      CgroupPermissions: access ?? "",
    });
  });

  // What docker-cli 26.1 says to each.
  test.each([
    ["a:b:c:d", "bad format for path: a:b:c:d"],
    ["", "bad format for path: "],
    [":/x", "bad format for path: :/x"],
    ["/dev/null:x:rwm", "x is not an absolute path"],
    ["/dev/null:/x:q", "bad mode specified: q"],
    ["/dev/null:/x:rwrwm", "bad mode specified: rwrwm"],
    ["/dev/null:", " is not an absolute path"],
    ["/dev/null::r", " is not an absolute path"],
    ["/a:r:w", "r is not an absolute path"],
    ["/a:/b:", "bad mode specified: "],
  ])("%j is refused", (text, sentence) => {
    expect(() => parseDevice(text)).toThrow(sentence);
  });
});

describe("parseGpus()", () => {
  const request = { Driver: "", Count: 0, Capabilities: [["gpu"]], Options: {} };

  test.each([
    ["all", { ...request, Count: -1 }],
    ["2", { ...request, Count: 2 }],
    ["count=all", { ...request, Count: -1 }],
    ["driver=amd", { ...request, Driver: "amd", Count: 1 }],
    ["device=0", { ...request, DeviceIDs: ["0"] }],
    ['"device=0,GPU-1",driver=nvidia', { ...request, DeviceIDs: ["0", "GPU-1"], Driver: "nvidia" }],
    [
      'all,"capabilities=compute,utility"',
      { ...request, Count: -1, Capabilities: [["compute", "utility", "gpu"]] },
    ],
    ['1,"options=a=b,c=d=e"', { ...request, Count: 1, Options: { a: "b", c: "d=e" } }],
  ])("%s", (text, expected) => {
    expect(parseGpus(text)).toEqual(expected);
  });

  test.each([
    ["", 'want "all"'],
    ["some", 'invalid count (some): value must be either "all" or an integer'],
    ["count=1.5", "invalid count (1.5)"],
    ["all,count=1", "gpu request key 'count' can be specified only once"],
    ["other=1", "unexpected key 'other' in 'other=1'"],
  ])("%j is refused", (text, sentence) => {
    expect(() => parseGpus(text)).toThrow(sentence);
  });
});

test("parseDeviceRequests() leaves nodes of the host to parseDevice()", () => {
  expect(parseDeviceRequests({ device: ["/dev/a", "/dev/a=b:r"], gpus: "" })).toBeUndefined();
  expect(parseDeviceRequests({ device: ["/dev/a", "vendor.com/x=1"], gpus: "1" })).toEqual([
    { Driver: "cdi", DeviceIDs: ["vendor.com/x=1"] },
    parseGpus("1"),
  ]);
});

describe("resolveDeviceRules()", () => {
  test("allows the nodes as asked, and takes a rule of type a that says less for both types", () => {
    const node = { type: "b", path: "/dev/x", major: 7, minor: 1 } as const;
    expect(
      resolveDeviceRules(
        [{ node, access: "r" }],
        [
          { type: "a", major: 1, access: "r" },
          { type: "a", access: "wrm" },
        ],
      ),
    ).toEqual([
      { type: "b", major: 7, minor: 1, access: "r" },
      { type: "b", major: 1, access: "r" },
      { type: "c", major: 1, access: "r" },
      { type: "a", access: "wrm" },
    ]);
  });

  test("checkDeviceRules() and checkDevices() refuse what a program in this process gives", () => {
    expect(() => checkDeviceRules([{ type: "c", major: -1, access: "r" }])).toThrow(
      "invalid device cgroup rule",
    );
    expect(() => checkDeviceRules([{ type: "c", access: "r\na" }])).toThrow("invalid device cgroup rule");
    expect(() => checkDevices([{ source: "dev", target: "/x", access: "r" }])).toThrow("absolute path");
    expect(() => checkDevices([{ source: "/dev", target: "/x/..", access: "r" }])).toThrow("absolute path");
    expect(() => checkDevices([{ source: "/dev/x", target: "/x", access: "z" }])).toThrow(
      "bad mode specified",
    );
  });
});
