import { describe, expect, test } from "bun:test";
import {
  checkResolverWishes,
  formatEmbeddedResolvConf,
  formatResolvConf,
  readResolver,
} from "../../../../src/engine/resolve/resolver.ts";

const host = (files: Readonly<Record<string, string>>): { readText(path: string): string } => ({
  readText: (path) => files[path] ?? "",
});
const own =
  "# a comment\nnameserver 127.0.0.1\nnameserver 10.0.0.53\nsearch lan example.com\noptions edns0 ndots:3\n";
const stub = "nameserver 127.0.0.53\nsearch lan\n";

describe("readResolver()", () => {
  test("knows which servers only the host reaches", () => {
    expect(readResolver(host({ "/etc/resolv.conf": own }), {})).toEqual({
      upstreams: [
        { address: "127.0.0.1", from: "host" },
        { address: "10.0.0.53", from: "container" },
      ],
      search: ["lan", "example.com"],
      options: ["edns0", "ndots:3"],
      ndotsSet: false,
    });
  });

  test("asks those whom systemd-resolved asks", () => {
    const files = { "/etc/resolv.conf": stub, "/run/systemd/resolve/resolv.conf": "nameserver 9.9.9.9\n" };
    expect(readResolver(host(files), {}).upstreams).toEqual([{ address: "9.9.9.9", from: "container" }]);
    expect(readResolver(host({ "/etc/resolv.conf": stub }), {}).upstreams).toEqual([
      { address: "127.0.0.53", from: "host" },
    ]);
  });

  test("each wish stands in for the host's", () => {
    const wishes = { dns: ["1.1.1.1"], dnsSearch: ["."], dnsOptions: ["ndots:2"] };
    expect(readResolver(host({ "/etc/resolv.conf": own }), wishes)).toEqual({
      upstreams: [{ address: "1.1.1.1", from: "container" }],
      search: [],
      options: ["ndots:2"],
      ndotsSet: true,
    });
  });
});

test("formatResolvConf() leaves out whom the container can't reach", () => {
  expect(formatResolvConf(readResolver(host({ "/etc/resolv.conf": own }), {}))).toBe(
    "nameserver 10.0.0.53\nsearch lan example.com\noptions edns0 ndots:3\n",
  );
});

test("formatEmbeddedResolvConf() asks for names without a dot first, unless the user says otherwise", () => {
  expect(formatEmbeddedResolvConf(readResolver(host({ "/etc/resolv.conf": own }), {}))).toBe(
    "nameserver 127.0.0.11\nsearch lan example.com\noptions edns0 ndots:0\n",
  );
  const wishes = { dnsOptions: ["ndots:2"] };
  expect(formatEmbeddedResolvConf(readResolver(host({}), wishes))).toBe(
    "nameserver 127.0.0.11\noptions ndots:2\n",
  );
});

test.each([{ dns: ["nope"] }, { dns: ["1.2.3"] }, { dnsSearch: ["a b"] }, { dnsSearch: [""] }])(
  "%j is refused",
  (wishes) => {
    expect(() => checkResolverWishes(wishes)).toThrow(expect.objectContaining({ kind: "invalid" }));
  },
);
