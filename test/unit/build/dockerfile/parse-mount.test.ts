import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/failure.ts";
import { parseRunDevice, parseRunMount } from "../../../../src/build/dockerfile/parse-mount.ts";

const expand = (value: string) => value.replace("$ID", "7");

describe("parseRunMount()", () => {
  test.each([
    ["target=/a", { type: "bind", target: "/a", readOnly: true }],
    [
      "type=bind,from=x,src=y,dst=/a,rw",
      { type: "bind", from: "x", source: "y", target: "/a", readOnly: false },
    ],
    [
      "type=cache,target=/a,id=$ID,sharing=Locked,mode=0755,uid=$ID,gid=8",
      {
        type: "cache",
        id: "7",
        sharing: "locked",
        mode: 0o755,
        uid: 7,
        gid: 8,
        readOnly: false,
      },
    ],
    ["type=tmpfs,target=/a,size=1m", { type: "tmpfs", size: 1_048_576, readOnly: false }],
    ["type=secret,id=a,env=B,required", { type: "secret", id: "a", env: "B", required: true }],
    ["type=ssh", { type: "ssh", required: false, readOnly: true }],
    ['type=bind,"target=/a,b"', { target: "/a,b" }],
  ])("%j gives %j", (text, wanted) => {
    expect(parseRunMount(text, expand)).toMatchObject(wanted);
  });

  test.each([
    ["type=cahce", 'unsupported mount type "cahce" (did you mean cache?)'],
    ["type=bind,sise=1", "unexpected key 'sise' in 'sise=1' (did you mean size?)"],
    ["type=bind,size=1", "unexpected key 'size' for mount type 'bind'"],
    ["type=bind,required", "unexpected key 'required' for mount type 'bind'"],
    ["type=bind,foo", "invalid field 'foo' must be a key=value pair"],
    ["type=cache,sharing=x", 'unsupported sharing value "x"'],
    ["type=cache,mode=9", "invalid value 9 for mode"],
    ["type=cache,uid=-1", "invalid value -1 for uid"],
    ["type=tmpfs,uid=1", 'uid not allowed for "tmpfs" type mounts'],
    ["type=secret", "invalid secret mount. one of source, target required"],
    ["type=secret,id=a,src=b", "both source and id can't be set"],
    ["type=secret,id=a,from=b", "secret mount should not have a from"],
    ["type=bind,sharing=shared", "invalid cache sharing set for bind mount"],
    ["type=bind,ro=x", "invalid value for ro: x"],
    [
      'type=bind,a"b',
      'failed to parse csv mounts: parse error on line 1, column 11: bare " in non-quoted field',
    ],
  ])("refuses %j", (text, message) => {
    expect(() => parseRunMount(text, expand)).toThrow(new Failure("invalid", message));
  });
});

test("parseRunDevice() reads names and refuses other options", () => {
  expect(parseRunDevice("vendor.com/gpu=all")).toEqual({ name: "vendor.com/gpu=all", required: false });
  expect(parseRunDevice("name=a,required=true")).toEqual({ name: "a", required: true });
  expect(() => parseRunDevice("a,b=c")).toThrow("unexpected key 'b' in 'b=c'");
});
