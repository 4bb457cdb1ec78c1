import { describe, expect, test } from "bun:test";
import { parseBind } from "../../../src/api/container/bind-text.ts";
import { parseContainerSpec } from "../../../src/api/container/parse-spec.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";
import { parseMount } from "../../../src/cli/container/flags/parsers/mount.ts";
import { createRequestOf } from "../../../src/library/create-request.ts";
import { formatIdmapOption, parseIdmapOption } from "../../../src/spec/idmap-option.ts";

describe("idmap of a bind", () => {
  test.each([
    ["/a:/b:idmap", true],
    ["/a:/b:ro,idmap=1000", { uid: 1000, gid: 1000 }],
    ["/a:/b:idmap=1000-100,rslave", { uid: 1000, gid: 100 }],
  ] as const)("-v %s", (text, idmap) => {
    expect(parseBind(text)).toMatchObject({ kind: "bind", idmap });
  });

  test.each(["/a:/b:idmap=", "/a:/b:idmap=x", "/a:/b:idmap,idmap=5", "/a:/b:idmap=1-2-3", "v:/b:idmap"])(
    "-v %s is refused",
    (text) => {
      expect(() => parseBind(text)).toThrow("invalid ");
    },
  );

  test.each([
    ["type=bind,src=/a,dst=/b,idmap", true],
    ["type=bind,src=/a,dst=/b,idmap=7", { uid: 7, gid: 7 }],
    ["type=bind,src=/a,dst=/b,idmap=7:8", { uid: 7, gid: 8 }],
  ] as const)("--mount %s, through the API and back", (text, idmap) => {
    const plan = parseContainerSpec(
      parseCreateRequest({ Image: "x", HostConfig: { Mounts: [parseMount(text)] } }),
      undefined,
    );
    expect(plan.storage?.mounts).toMatchObject([{ idmap }]);
    const again = parseContainerSpec(parseCreateRequest(createRequestOf(plan)), undefined);
    expect(again.storage?.mounts).toMatchObject([{ idmap }]);
  });

  test("--mount refuses it for what is no bind, and a wrong owner", () => {
    expect(() => parseMount("type=volume,src=a,dst=/b,idmap")).toThrow("cannot mix");
    expect(() => parseMount("type=bind,src=/a,dst=/b,idmap=x")).toThrow("idmap");
  });

  test("parseIdmapOption() refuses ids that are out of range", () => {
    expect(() => parseIdmapOption("4294967295")).toThrow("want UID or UID:GID of the host");
    expect(formatIdmapOption(parseIdmapOption("1-2"))).toBe("1:2");
  });
});
