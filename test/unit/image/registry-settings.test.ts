import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { chooseEndpoints } from "../../../src/image/registry/choose-endpoints.ts";
import { parseAuthChallenges } from "../../../src/spec/registry/auth-challenge.ts";
import { formatReference } from "../../../src/spec/reference.ts";
import { expandShortName } from "../../../src/spec/registry/short-name.ts";
import { parseRegistriesConfig } from "../../../src/spec/registry/parse-registries-config.ts";
import { findProxy } from "../../../src/spec/proxy-settings.ts";
import { parseReference } from "../../../src/spec/reference.ts";
import { noRegistriesConfig } from "../../../src/spec/registry/registries-config.ts";

describe("parseAuthChallenges()", () => {
  test.each<[string, unknown]>([
    ["Basic", [{ scheme: "basic", parameters: {} }]],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: {
            realm: "https://auth.example/token",
            service: "registry.example",
            scope: "repository:a/b:pull,push",
          },
        },
      ],
    ],
    [
      'Negotiate, Basic realm="a \\"b\\"", Bearer Realm = x',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: 'a "b"' } },
        { scheme: "bearer", parameters: { realm: "x" } },
      ],
    ],
    ['Bearer realm="a",realm="b"', [{ scheme: "bearer", parameters: { realm: "a" } }]],
    ['Bearer realm="open', [{ scheme: "bearer", parameters: {} }]],
    ["", []],
    ["=", []],
  ])("of %p is %p", (header, expected) => expect(parseAuthChallenges(header)).toEqual(expected as never));

  test("never throws and never hangs", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => Array.isArray(parseAuthChallenges(text))));
  });
});

describe("names without a registry", () => {
  const read = (text: string) => parseRegistriesConfig(text, "f");
  const config = read(`
    unqualified-search-registries = ["one.example:5000", "docker.io"]
    [aliases]
    app = "quay.io/acme/app"
    "acme/tool" = "localhost:5000/tool"
  `);

  test.each<[string, readonly string[]]>([
    ["app", ["quay.io/acme/app"]],
    ["app:2", ["quay.io/acme/app:2"]],
    [`app@sha256:${"a".repeat(64)}`, [`quay.io/acme/app@sha256:${"a".repeat(64)}`]],
    ["acme/tool:1", ["localhost:5000/tool:1"]],
    ["busybox", ["one.example:5000/busybox", "docker.io/library/busybox"]],
    ["team/box:1", ["one.example:5000/team/box:1", "docker.io/team/box:1"]],
    ["docker.io/library/app", []],
    ["localhost/app", []],
    ["ghcr.io/app", []],
    ["constructor", ["one.example:5000/constructor", "docker.io/library/constructor"]],
  ])("%s stands for %p", (name, places) => {
    expect(expandShortName(name, config).map(formatReference)).toEqual([...places]);
  });

  test("are Docker's without a configuration", () => {
    expect(expandShortName("busybox", noRegistriesConfig)).toEqual([]);
    expect(expandShortName("busybox", read("unqualified-search-registries = []"))).toEqual([]);
  });

  test.each<[string, string]>([
    ['aliases = "x"', "aliases must be a table"],
    ['[aliases]\n"a:1" = "b.io/c"', "without registry and tag"],
    ['[aliases]\n"b.io/a" = "b.io/c"', "without registry and tag"],
    ['[aliases]\na = "c"', "must stand for a whole name"],
    ['[aliases]\na = "b.io/c:1"', "must stand for a whole name"],
    ["[aliases]\na = 5", "must stand for a whole name"],
    ['unqualified-search-registries = "docker.io"', "must be a list of registries"],
    ['unqualified-search-registries = ["docker.io/library"]', "must be a list of registries"],
  ])("%s is refused", (text, detail) => {
    expect(() => read(text)).toThrow(detail);
  });
});

describe("parseRegistriesConfig()", () => {
  test("reads rules and mirrors", () => {
    const text = `
      unqualified-search-registries = ["docker.io"]
      [[registry]]
      prefix = "docker.io"
      location = "registry-1.example:5000/hub"
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "mirror.example/cache"
      insecure = true
      [[registry.mirror]]
      location = "other.example"
      pull-from-mirror = "tag-only"
      [[registry]]
      prefix = "*.bad.example"
      blocked = true
    `;
    expect(parseRegistriesConfig(text, "f")).toEqual({
      searched: ["docker.io"],
      rules: [
        {
          prefix: "docker.io",
          location: "registry-1.example:5000/hub",
          insecure: false,
          blocked: false,
          mirrors: [
            { location: "mirror.example/cache", insecure: true, pulls: "digest-only" },
            { location: "other.example", insecure: false, pulls: "tag-only" },
          ],
        },
        { prefix: "*.bad.example", insecure: false, blocked: true, mirrors: [] },
      ],
    });
  });

  test.each([
    ["[[registry]]\nlocation = 3", "location of registry 1 must be a string"],
    ["[[registry]]\ninsecure = true", "registry 1 has neither prefix nor location"],
    ['[[registry]]\nlocation = "https://x"', 'registry 1 has an invalid prefix "https://x"'],
    [
      '[[registry]]\nprefix = "x"\nlocation = "http://y"',
      'registry 1 has an invalid location "http://y": write host[:port][/path], without a scheme',
    ],
    ['[[registry]]\nprefix = "x"\nblocked = "yes"', "blocked of registry 1 must be true or false"],
    ['[[registry]]\nprefix = "x"\n[[registry]]\nprefix = "x"', 'there are two entries for "x"'],
    [
      '[[registry]]\nprefix = "x"\n[[registry.mirror]]\ninsecure = true',
      "mirror 1 of registry 1 has no location",
    ],
    ['registry = "x"', '"registry" must be a list of tables ([[registry]])'],
    ["[[registry", "Invalid TOML document"],
  ])("refuses %p: %p", (text, detail) => {
    expect(() => parseRegistriesConfig(text, "/etc/f")).toThrow(`cannot read /etc/f: ${detail}`);
  });
});

describe("chooseEndpoints()", () => {
  const config = parseRegistriesConfig(
    `[[registry]]
     prefix = "docker.io"
     [[registry.mirror]]
     location = "mirror.example/hub"
     [[registry]]
     prefix = "docker.io/private"
     blocked = true
     [[registry]]
     prefix = "old.example/team"
     location = "new.example:8443/teams/a"
     insecure = true
     [[registry]]
     prefix = "*.wild.example"
     insecure = true`,
    "f",
  );
  const choose = (name: string, action: "pull" | "push" = "pull"): readonly string[] =>
    chooseEndpoints(parseReference(name), { config, action }).map(
      ({ host, path, insecure, isMirror }) =>
        `${isMirror ? "mirror " : ""}${insecure ? "insecure " : ""}${host}/${path}`,
    );

  test.each<[string, readonly string[]]>([
    ["busybox", ["mirror mirror.example/hub/library/busybox", "registry-1.docker.io/library/busybox"]],
    ["old.example/team/x/y", ["insecure new.example:8443/teams/a/x/y"]],
    ["old.example/teamwork/x", ["old.example/teamwork/x"]],
    ["a.wild.example:5000/x", ["insecure a.wild.example:5000/x"]],
    ["wild.example/x", ["wild.example/x"]],
    ["127.0.0.1:5000/x", ["insecure 127.0.0.1:5000/x"]],
    ["localhost:5000/x", ["insecure localhost:5000/x"]],
    ["127.example/x", ["127.example/x"]],
  ])("for %p are %p", (name, expected) => expect(choose(name)).toEqual(expected));

  test("for a push is the registry alone, and none for what is blocked", () => {
    expect(choose("busybox", "push")).toEqual(["registry-1.docker.io/library/busybox"]);
    expect(() => choose("private/x")).toThrow(
      'cannot pull private/x: "docker.io/private" is blocked by the registries\' configuration',
    );
    expect(chooseEndpoints(parseReference("x"), { config: noRegistriesConfig, action: "pull" })).toHaveLength(
      1,
    );
  });
});

describe("findProxy()", () => {
  const env = {
    HTTPS_PROXY: "http://proxy:3128",
    NO_PROXY: "internal,.corp,10.0.0.0/8,x.example:8443,*.deep.example",
  };
  test.each<[string, boolean]>([
    ["https://registry.example", true],
    ["http://registry.example", false],
    ["https://internal", false],
    ["https://a.internal", false],
    ["https://notinternal", true],
    ["https://a.corp", false],
    ["https://corp", true],
    ["https://10.1.2.3", false],
    ["https://11.1.2.3", true],
    ["https://x.example:8443", false],
    ["https://x.example", true],
    ["https://a.deep.example", false],
    ["https://127.0.0.1:5000", false],
    ["https://localhost", false],
  ])("for %p: %p", (url, isProxied) =>
    expect(findProxy(new URL(url), env)?.host).toBe(isProxied ? "proxy:3128" : undefined),
  );

  test("refuses what is no proxy, and takes one without a scheme", () => {
    expect(findProxy(new URL("https://x.org"), { https_proxy: "p:1" })?.href).toBe("http://p:1/");
    expect(() => findProxy(new URL("https://x.org"), { https_proxy: "socks5://p:1" })).toThrow(Failure);
    expect(findProxy(new URL("https://x.org"), { https_proxy: "p:1", no_proxy: "*" })).toBeUndefined();
  });
});
