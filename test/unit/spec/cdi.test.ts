import { describe, expect, test } from "bun:test";
import { isCdiName } from "../../../src/spec/cdi-name.ts";
import { parseCdiSpec } from "../../../src/spec/cdi.ts";
import { parseYaml } from "../../../src/spec/yaml.ts";

const edits = { env: ["A=b"] };
const specOf = (fields: object, device: object = {}): object => ({
  cdiVersion: "0.8.0",
  kind: "vendor.com/device",
  devices: [{ name: "a", containerEdits: edits, ...device }],
  ...fields,
});
const withEdits = (containerEdits: object, cdiVersion = "0.8.0"): object =>
  specOf({ cdiVersion, containerEdits });

const noEdits = { env: [], deviceNodes: [], mounts: [], hooks: [], additionalGids: [] };

describe("parseCdiSpec()", () => {
  test("keeps the edits of the specification and of each device", () => {
    const spec = parseCdiSpec(
      specOf(
        { annotations: { a: "b", c: true }, containerEdits: { additionalGids: [5] } },
        { annotations: { a: "d" } },
      ),
    );
    expect(spec).toEqual({
      kind: "vendor.com/device",
      edits: { ...noEdits, additionalGids: [5] },
      devices: new Map([["a", { ...noEdits, env: ["A=b"] }]]),
      annotations: new Map([["a", { a: "d", c: "true" }]]),
    });
  });

  test("completes device nodes and mounts", () => {
    const { edits: found } = parseCdiSpec(
      withEdits({
        deviceNodes: [
          { path: "/dev/a" },
          {
            path: "/dev/b",
            hostPath: "/dev/c",
            type: "b",
            major: 1,
            minor: 0,
            fileMode: 384,
            permissions: "r",
          },
        ],
        mounts: [
          { hostPath: "/a", containerPath: "/b", options: ["ro"] },
          { hostPath: "none", containerPath: "/t", type: "tmpfs" },
        ],
        hooks: [
          { hookName: "createContainer", path: "/bin/hook", args: ["hook", "x"], env: ["A=b"], timeout: 5 },
        ],
      }),
    );
    expect(found.deviceNodes).toEqual([
      expect.objectContaining({ path: "/dev/a", hostPath: "/dev/a", type: undefined, permissions: "rwm" }),
      expect.objectContaining({
        path: "/dev/b",
        hostPath: "/dev/c",
        type: "b",
        major: 1,
        minor: 0,
        fileMode: 384,
      }),
    ]);
    expect(found.mounts).toEqual([
      { hostPath: "/a", containerPath: "/b", options: ["ro"], type: "bind" },
      { hostPath: "tmpfs", containerPath: "/t", options: [], type: "tmpfs" },
    ]);
    expect(found.hooks).toEqual([{ hookName: "createContainer", path: "/bin/hook", args: ["hook", "x"] }]);
  });

  test.each<[object | string | null, string]>([
    [null, "the specification: want an object"],
    ["text", "the specification: want an object"],
    [specOf({ cdiVersion: "2.0.0" }), "cdiVersion: want one of 0.1.0"],
    [specOf({ cdiVersion: 0.5 }), "cdiVersion: want one of"],
    [specOf({ extra: 1 }), 'the specification: unknown field "extra"'],
    [specOf({ kind: "vendor" }), 'kind: want VENDOR/CLASS, not "vendor"'],
    [specOf({ kind: "1vendor/class" }), "kind: want"],
    [specOf({ kind: "vendor.com/a/b" }), "kind: want"],
    [specOf({ kind: "vendor.com/a_" }), "kind: want"],
    [specOf({ kind: 7 }), "kind: want"],
    [
      specOf({ cdiVersion: "0.5.0", kind: "vendor.com/a.b" }),
      "must be at least 0.6.0, not 0.5.0: it has a class",
    ],
    [specOf({ annotations: { a: {} } }), 'annotations["a"]: want a string, not {}'],
    [specOf({ cdiVersion: "0.5.0", annotations: {} }), "must be at least 0.6.0"],
    [specOf({ devices: {} }), "devices: want a list"],
    [specOf({}, { name: "a b" }), 'devices[0].name: invalid name "a b"'],
    [specOf({}, { name: ":a" }), "devices[0].name"],
    [specOf({}, { name: "" }), "devices[0].name"],
    [specOf({ cdiVersion: "0.4.0" }, { name: "0" }), "must be at least 0.5.0"],
    [specOf({}, { containerEdits: {} }), "devices[0].containerEdits: empty device edits"],
    [
      specOf({ devices: ["a", "a"].map((name) => ({ name, containerEdits: edits })) }),
      "devices[1].name: there are two",
    ],
    [withEdits({ env: ["A"] }), 'containerEdits.env: want NAME=VALUE, not "A"'],
    [withEdits({ env: ["=a"] }), "containerEdits.env"],
    [withEdits({ env: ["A=\0"] }), "containerEdits.env"],
    [withEdits({ env: "A=b" }), "containerEdits.env: want a list"],
    [withEdits({ intelRdt: {} }), "containerEdits.intelRdt: Tare does not"],
    [withEdits({ additionalGids: [-1] }), "additionalGids[0]: want a number"],
    [withEdits({ additionalGids: [2 ** 32] }), "additionalGids[0]: want a number"],
    [withEdits({ additionalGids: [1] }, "0.6.0"), "must be at least 0.7.0"],
    [withEdits({ deviceNodes: [{}] }), "deviceNodes[0].path: want an absolute path"],
    [withEdits({ deviceNodes: [{ path: "/dev/../a" }] }), "deviceNodes[0].path"],
    [withEdits({ deviceNodes: [{ path: "/dev/a\0b" }] }), "deviceNodes[0].path"],
    [withEdits({ deviceNodes: [{ path: "/./" }] }), "deviceNodes[0].path"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", type: "x" }] }), "deviceNodes[0].type: want b, c, u or p"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", permissions: "rx" }] }), "deviceNodes[0].permissions"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", major: -1 }] }), "deviceNodes[0].major"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", minor: "3" }] }), "deviceNodes[0].minor"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", hostPath: "/dev/b" }] }, "0.4.0"), "must be at least 0.5.0"],
    [withEdits({ deviceNodes: [{ path: "/dev/a", hostPath: "../b" }] }), "deviceNodes[0].hostPath"],
    [withEdits({ mounts: [{ hostPath: "/a", containerPath: "b" }] }), "mounts[0].containerPath"],
    [withEdits({ mounts: [{ hostPath: "a", containerPath: "/b" }] }), "mounts[0].hostPath"],
    [withEdits({ mounts: [{ hostPath: "/a", containerPath: "/b", type: "nfs" }] }), "mounts[0].type"],
    [
      withEdits({ mounts: [{ hostPath: "/a", containerPath: "/b", type: "bind" }] }, "0.3.0"),
      "at least 0.4.0",
    ],
    [withEdits({ mounts: [{ hostPath: "/a", containerPath: "/b", options: "ro" }] }), "mounts[0].options"],
    [withEdits({ hooks: [{ hookName: "never", path: "/a" }] }), "hooks[0].hookName: want one of prestart"],
    [withEdits({ hooks: [{ hookName: "prestart", path: "a" }] }), "hooks[0].path"],
  ])("%j is refused with the field", (value, message) => {
    expect(() => parseCdiSpec(value)).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining(message) }),
    );
  });

  test("a message is short, however long the specification's texts are", () => {
    const long = "x".repeat(100_000);
    for (const value of [specOf({ kind: long }), specOf({ [long]: 1 }), specOf({}, { name: `${long}!` })]) {
      let message = "";
      try {
        parseCdiSpec(value);
      } catch (thrown) {
        message = String(thrown);
      }
      expect(message).not.toBe("");
      expect(message.length).toBeLessThan(500);
    }
  });
});

describe("isCdiName()", () => {
  test.each([
    ["vendor.com/device=a", true],
    ["nvidia.com/gpu=0:1", true],
    ["v/c=GPU-1_2.3", true],
    ["vendor.com/device", false],
    ["vendor.com=a", false],
    ["/dev/vendor/c=a", false],
    ["vendor.com/device=", false],
    ["vendor.com/device=a=b", false],
    ["vendor.com/device=a/b", false],
    ["=a", false],
    ["", false],
  ])("%s: %p", (text, expected) => {
    expect(isCdiName(text)).toBe(expected);
  });
});

describe("parseYaml()", () => {
  test("reads octal numbers as Go's programs do", () => {
    expect(parseYaml("a: 0666\nb: [x, 'y: z']\n")).toEqual({ a: 0o666, b: ["x", "y: z"] });
  });

  test("a mistake has line and column, in one line", () => {
    expect(() => parseYaml("a: 1\nb: [")).toThrow(
      expect.objectContaining({
        kind: "invalid",
        message: expect.stringMatching(/^it is no YAML: [^\n]* at line 2, column \d+$/),
      }),
    );
  });

  test("two documents, two equal keys, and aliases of aliases are refused", () => {
    const laughs = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [at, name] of [..."bcdefgh"].entries()) {
      const before = "abcdefg"[at];
      laughs.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`);
    }
    for (const text of ["a: 1\n---\nb: 2\n", "a: 1\na: 2\n", laughs.join("\n")])
      expect(() => parseYaml(text)).toThrow("it is no YAML");
  });
});
