import { describe, expect, test } from "bun:test";
import { parseBind } from "../../../src/api/container/bind-text.ts";
import { parseMounts, parseVolumesFrom } from "../../../src/api/container/mounts.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";
import type { Mount } from "../../../src/api/types/host-config.ts";

describe("parseBind()", () => {
  test.each([
    ["/a:/b", { kind: "bind", source: "/a", target: "/b", createSource: true }],
    [
      "/a:/b:ro",
      { kind: "bind", source: "/a", target: "/b", createSource: true, readonly: true, mode: "ro" },
    ],
    [
      "/a:/b:rslave,z,ro",
      {
        kind: "bind",
        source: "/a",
        target: "/b",
        createSource: true,
        readonly: true,
        propagation: "rslave",
        mode: "rslave,z,ro",
      },
    ],
    ["/b", { kind: "volume", target: "/b" }],
    ["data:/b", { kind: "volume", name: "data", target: "/b" }],
    [
      "data:/b:nocopy,ro",
      { kind: "volume", name: "data", target: "/b", copy: false, readonly: true, mode: "nocopy,ro" },
    ],
  ] as const)("reads %s", (text, mount) => {
    expect(parseBind(text)).toEqual(mount as never);
  });

  test.each([
    ["", "invalid volume specification: ''"],
    [":/b", "invalid volume specification: ':/b'"],
    ["/a:/b:ro:z", "invalid volume specification: '/a:/b:ro:z'"],
    ["/b:ro", "invalid volume specification: '/b:ro'"],
    ["/a:", "invalid volume specification: '/a:'"],
    ["/a:/b:what", "invalid mode: what"],
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    ["/a:/b:z,Z", "invalid mode: z,Z"],
    ["/a:/b:shared,rslave", "invalid mode: shared,rslave"],
    [
      "/a:b",
      `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
    ],
    [
      "/a:/",
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      "v:/b:shared",
      `invalid volume specification: 'v:/b:shared': invalid mount config for type "volume": field BindOptions must not be specified`,
    ],
    [
      "/a:/b:nocopy",
      `invalid volume specification: '/a:/b:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    ],
  ])("refuses %j", (text, sentence) => {
    expect(() => parseBind(text)).toThrow(expect.objectContaining({ kind: "invalid", message: sentence }));
  });
});

describe("parseMounts()", () => {
  const plan = (mount: Mount) => parseMounts({ Mounts: [mount] })[0];

  test.each([
    [
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        ReadOnly: true,
        BindOptions: { ReadOnlyNonRecursive: true },
      },
      { kind: "bind", source: "/a", target: "/b", createSource: false, readonly: true, readonlyBelow: false },
    ],
    [
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        BindOptions: { NonRecursive: true, Propagation: "shared" },
      },
      {
        kind: "bind",
        source: "/a",
        target: "/b",
        createSource: false,
        recursive: false,
        propagation: "shared",
      },
    ],
    [
      { Type: "volume", Target: "/b" },
      { kind: "volume", target: "/b" },
    ],
    [
      {
        Type: "volume",
        Source: "v",
        Target: "/b",
        ReadOnly: true,
        VolumeOptions: {
          NoCopy: true,
          Subpath: "a/b",
          Labels: { l: "1" },
          DriverConfig: { Name: "local", Options: { o: "size=1m" } },
        },
      },
      {
        kind: "volume",
        name: "v",
        target: "/b",
        readonly: true,
        copy: false,
        subpath: "a/b",
        driver: "local",
        options: { o: "size=1m" },
        labels: { l: "1" },
      },
    ],
    [
      {
        Type: "tmpfs",
        Target: "/b",
        ReadOnly: true,
        TmpfsOptions: { SizeBytes: 4096, Mode: 0o700, Options: [["uid", "5"], ["exec"]] },
      },
      { kind: "tmpfs", target: "/b", options: "uid=5,exec,ro,size=4096,mode=700" },
    ],
  ] as const)("plans %j", (mount, planned) => {
    expect(plan(mount as unknown as Mount)).toEqual(planned as never);
  });

  test.each([[[{}]], [["uid", 5]], ["uid=5"]])("refuses %j as options of a tmpfs", (option) => {
    const mount = { Type: "tmpfs", Target: "/b", TmpfsOptions: { Options: [option] } };
    const body = { Image: "a", HostConfig: { Mounts: [mount] } };
    expect(() => parseCreateRequest(body)).toThrow(
      /^invalid JSON: HostConfig\.Mounts\[0\]\.TmpfsOptions\.Options\[0\](\[\d\])? must be a/,
    );
  });

  const wrong = (type: string, detail: string): string =>
    `invalid mount config for type "${type}": ${detail}`;
  test.each([
    [{ Type: "bind", Source: "/a" }, wrong("bind", "field Target must not be empty")],
    [{ Type: "bind", Target: "/b" }, wrong("bind", "field Source must not be empty")],
    [
      { Type: "bind", Source: "a", Target: "/b" },
      wrong("bind", "invalid mount path: 'a' mount path must be absolute"),
    ],
    [
      { Type: "bind", Source: "/a", Target: "/b", VolumeOptions: {} },
      wrong("bind", "field VolumeOptions must not be specified"),
    ],
    [
      { Type: "bind", Source: "/a", Target: "/b", BindOptions: { Propagation: "odd" } },
      wrong("bind", "invalid propagation mode: odd"),
    ],
    [
      { Type: "volume", Target: "/b", BindOptions: {} },
      wrong("volume", "field BindOptions must not be specified"),
    ],
    [
      { Type: "volume", Target: "/b", ReadOnly: true },
      wrong("volume", "must not set ReadOnly mode when using anonymous volumes"),
    ],
    [
      { Type: "volume", Source: "v", Target: "/b", VolumeOptions: { Subpath: "../x" } },
      wrong("volume", "subpath must be a relative path within the volume"),
    ],
    [
      { Type: "volume", Target: "/b", VolumeOptions: { Subpath: "x" } },
      wrong("volume", "must not set Subpath when using anonymous volumes"),
    ],
    [{ Type: "tmpfs", Source: "x", Target: "/b" }, wrong("tmpfs", "field Source must not be specified")],
    [{ Type: "tmpfs", Target: "/" }, wrong("tmpfs", "invalid specification: destination can't be '/'")],
    [{ Type: "odd", Target: "/b" }, wrong("odd", "mount type unknown")],
  ])("refuses %j", (mount, sentence) => {
    expect(() => plan(mount as Mount)).toThrow(
      expect.objectContaining({ kind: "invalid", message: sentence }),
    );
  });

  test("gives volumes the driver that is asked for, and refuses a target twice", () => {
    expect(parseMounts({ Binds: ["v:/x", "/a:/y"], VolumeDriver: "odd" })).toEqual([
      { kind: "volume", name: "v", target: "/x", driver: "odd" },
      { kind: "bind", source: "/a", target: "/y", createSource: true },
    ]);
    expect(() => parseMounts({ Binds: ["v:/x"], Tmpfs: { "/x/": "" } })).toThrow("Duplicate mount point: /x");
  });
});

test("parseVolumesFrom() reads containers with their modes", () => {
  expect(parseVolumesFrom(["one", "two:ro", "three:rw,z"])).toEqual([
    { container: "one" },
    { container: "two", readonly: true },
    { container: "three" },
  ]);
  for (const [text, sentence] of [
    ["", "cannot be an empty string"],
    ["one:odd", "invalid mode: odd"],
    ["one:rslave", "invalid mode: rslave"],
    ["one:nocopy", "invalid mode: nocopy"],
  ] as const) {
    expect(() => parseVolumesFrom([text])).toThrow(sentence);
  }
});
