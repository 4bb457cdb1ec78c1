import { describe, expect, test } from "bun:test";
import { parseCsvFields } from "../../../src/cli/flags/csv-fields.ts";
import { parseMount } from "../../../src/cli/container/flags/parsers/mount.ts";

describe("parseMount()", () => {
  test.each([
    ["type=bind,src=/a,dst=/b", { Type: "bind", Source: "/a", Target: "/b" }],
    ["TYPE=BIND,source=/a,destination=/b,RO", { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true }],
    ["target=/b", { Type: "volume", Target: "/b" }],
    ["type=bind,src=/a,dst=/b,readonly=false", { Type: "bind", Source: "/a", Target: "/b" }],
    ["type=bind,src=/a,dst=/b,bind-recursive=enabled", { Type: "bind", Source: "/a", Target: "/b" }],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=disabled,bind-propagation=RSLAVE",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        BindOptions: { NonRecursive: true, Propagation: "rslave" },
      },
    ],
    [
      "type=bind,src=/a,dst=/b,ro,bind-recursive=writable",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        ReadOnly: true,
        BindOptions: { ReadOnlyNonRecursive: true },
      },
    ],
    [
      "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        ReadOnly: true,
        BindOptions: { ReadOnlyForceRecursive: true, Propagation: "rprivate" },
      },
    ],
    [
      "src=v,dst=/b,volume-nocopy,volume-subpath=a/b,volume-label=x=1,volume-label=y,volume-driver=local",
      {
        Type: "volume",
        Source: "v",
        Target: "/b",
        VolumeOptions: {
          NoCopy: true,
          Subpath: "a/b",
          Labels: { x: "1", y: "" },
          DriverConfig: { Name: "local" },
        },
      },
    ],
    [
      "type=image,src=busybox:1,dst=/b,image-subpath=etc/x",
      { Type: "image", Source: "busybox:1", Target: "/b", ImageOptions: { Subpath: "etc/x" } },
    ],
    [
      'dst=/b,volume-opt=type=nfs,"volume-opt=o=addr=1.2.3.4,rw"',
      {
        Type: "volume",
        Target: "/b",
        VolumeOptions: { DriverConfig: { Options: { type: "nfs", o: "addr=1.2.3.4,rw" } } },
      },
    ],
    [
      'type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=1770,"tmpfs-options=exec,uid=5"',
      {
        Type: "tmpfs",
        Target: "/b",
        TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o1770, Options: [["exec"], ["uid", "5"]] },
      },
    ],
    [
      "type=bind,src=/a,dst=/b,consistency=Cached",
      { Type: "bind", Source: "/a", Target: "/b", Consistency: "cached" },
    ],
  ])("reads %s", (text, mount) => {
    expect(parseMount(text)).toEqual(mount as never);
  });

  test("takes a source that begins with a point from the working directory", () => {
    expect(parseMount("type=bind,src=.,dst=/b").Source).toBe(process.cwd());
    expect(parseMount("type=bind,src=./x,dst=/b").Source).toBe(`${process.cwd()}/x`);
  });

  // What docker-cli 26.1 says to the same.
  test.each([
    ["", "EOF"],
    ["type=bind", "target is required"],
    ["src=/a,target", "invalid field 'target' must be a key=value pair"],
    ["type=volume,foo=bar,target=/x", "unexpected key 'foo' in 'foo=bar'"],
    ["type=bind,src=/a,dst=/b,ro=maybe", "invalid value for ro: maybe"],
    ["dst=/b,readonly=", "invalid value for readonly: "],
    ["type=bind,src=/a,dst=/b,bind-nonrecursive=x", "invalid value for bind-nonrecursive: x"],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=x",
      'invalid value for bind-recursive: x (must be "enabled", "disabled", "writable", or "readonly")',
    ],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=writable",
      "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
    ],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=readonly",
      "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
    ],
    [
      "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    ],
    ["type=bind,volume-nocopy,src=/a,dst=/b", "cannot mix 'volume-*' options with mount type 'bind'"],
    ["type=volume,bind-propagation=shared,dst=/b", "cannot mix 'bind-*' options with mount type 'volume'"],
    ["type=bind,tmpfs-size=1m,src=/a,dst=/b", "cannot mix 'tmpfs-*' options with mount type 'bind'"],
    ["type=tmpfs,dst=/b,tmpfs-size=x", "invalid value for tmpfs-size: x"],
    ["type=tmpfs,dst=/b,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"],
    ["type=,dst=/b", "type is required"],
    ['"type=bind', 'parse error on line 1, column 11: extraneous or missing " in quoted-field'],
    ['a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'],
    ["dst=/b,volume-nocopy=q", "invalid value for volume-nocopy: q"],
    ["dst=/b,volume-subpath", "invalid field 'volume-subpath' must be a key=value pair"],
    ["dst=/b,,", "invalid field '' must be a key=value pair"],
  ])("refuses %j in Docker's words", (text, sentence) => {
    expect(() => parseMount(text)).toThrow(expect.objectContaining({ kind: "invalid", message: sentence }));
  });
});

test("parseCsvFields() reads quotes as Go does", () => {
  for (const [text, fields] of [
    ["a", ["a"]],
    ["a,b,", ["a", "b", ""]],
    ['"a,b",c', ["a,b", "c"]],
    ['"say ""x""",y', ['say "x"', "y"]],
    ['""', [""]],
  ] as const) {
    expect(parseCsvFields(text)).toEqual([...fields]);
  }
});
