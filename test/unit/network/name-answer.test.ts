import { describe, expect, test } from "bun:test";
import { answerQuery, readReverseName } from "../../../src/network/dns/answer.ts";
import { NameDirectory } from "../../../src/network/dns/directory.ts";
import { decodeQuery, type Reply } from "../../../src/network/dns/message.ts";
import type { NameView } from "../../../src/network/dns/types.ts";
import { decodeIpAddress, formatIpAddress, parseIpAddress } from "../../../src/spec/ip-address.ts";
import { queryBytes } from "../../support/dns-query.ts";

const types = { A: 1, PTR: 12, MX: 15, AAAA: 28 };
const upstreams = [{ address: "192.0.2.1", from: "container" }] as const;
const front: NameView = { networks: [{ id: "front" }], upstreams };

function directory(): NameDirectory {
  const made = new NameDirectory();
  made.addNetwork("front", "shop_front");
  made.addNetwork("back", "back");
  const add = (network: string, endpointId: string, names: string[], ...addresses: string[]): void =>
    made.addEntry(network, { endpointId, names, addresses: addresses.map(parseIpAddress) });
  add("front", "web-1", ["shop-web-1", "web", "0123456789ab"], "172.18.0.2", "fd00:1::2");
  add("front", "web-2", ["shop-web-2", "web"], "172.18.0.3");
  add("back", "db", ["db", "web"], "172.19.0.2");
  return made;
}

function ask(
  names: NameDirectory,
  view: NameView,
  { name, type = "A" }: { readonly name: string; readonly type?: keyof typeof types },
): Reply | "forward" {
  const query = decodeQuery(queryBytes({ id: 1, name, type: types[type] }));
  if (query === undefined || "code" in query) throw new Error("it was not understood");
  return answerQuery(names, view, query);
}

/** Addresses of a reply as text; "forward" and codes other than 0 as they are. */
function told(reply: Reply | "forward"): unknown {
  if (reply === "forward") return reply;
  return reply.code === 0
    ? reply.answers.map(({ data }) => formatIpAddress(decodeIpAddress(data)))
    : reply.code;
}

describe("answerQuery()", () => {
  test("a container is found by name, alias and short id, in any capitals, with and without the network's name", () => {
    const names = directory();
    for (const name of [
      "shop-web-1",
      "SHOP-web-1",
      "0123456789AB",
      "shop-web-1.shop_front",
      "shop-web-1.Shop_Front",
    ])
      expect(told(ask(names, front, { name }))).toEqual(["172.18.0.2"]);
  });

  test("several with one alias take turns at the first place", () => {
    const names = directory();
    const firsts = Array.from({ length: 4 }, () => (told(ask(names, front, { name: "web" })) as string[])[0]);
    expect(new Set(firsts)).toEqual(new Set(["172.18.0.2", "172.18.0.3"]));
    expect((told(ask(names, front, { name: "web" })) as string[]).toSorted()).toEqual([
      "172.18.0.2",
      "172.18.0.3",
    ]);
  });

  test("the first network that knows a name decides; others are not seen", () => {
    const names = directory();
    const both: NameView = { networks: [{ id: "back" }, { id: "front" }], upstreams };
    expect(told(ask(names, both, { name: "web" }))).toEqual(["172.19.0.2"]);
    expect(told(ask(names, both, { name: "shop-web-2" }))).toEqual(["172.18.0.3"]);
    expect(told(ask(names, front, { name: "db" }))).toBe("forward");
  });

  test("a name of ours has no records of other kinds elsewhere", () => {
    const names = directory();
    expect(told(ask(names, front, { name: "shop-web-1", type: "AAAA" }))).toEqual(["fd00:1::2"]);
    expect(told(ask(names, front, { name: "shop-web-2", type: "AAAA" }))).toEqual([]);
    expect(told(ask(names, front, { name: "web", type: "MX" }))).toEqual([]);
  });

  test("links are this container's own names", () => {
    const names = directory();
    const linked: NameView = {
      networks: [{ id: "front", links: [["api", "shop-web-2"]] }],
      upstreams,
    };
    expect(told(ask(names, linked, { name: "api" }))).toEqual(["172.18.0.3"]);
    expect(told(ask(names, front, { name: "api" }))).toBe("forward");
    for (const name of ["constructor", "__proto__", "tostring", "toString", "hasOwnProperty", "valueOf"])
      expect(told(ask(names, linked, { name }))).toBe("forward");
  });

  test("an address is called by the container's first name", () => {
    const names = directory();
    const reply = ask(names, front, { name: "2.0.18.172.in-addr.arpa", type: "PTR" });
    expect(reply === "forward" ? "" : Buffer.from(reply.answers[0]?.data ?? []).toString("latin1")).toBe(
      "\nshop-web-1\nshop_front\0",
    );
    expect(told(ask(names, front, { name: "2.0.19.172.in-addr.arpa", type: "PTR" }))).toBe("forward");
  });

  test("without upstreams nothing goes out", () => {
    const inside: NameView = { networks: [{ id: "front" }], upstreams: [] };
    expect(told(ask(directory(), inside, { name: "example.org" }))).toBe(2);
    expect(told(ask(directory(), inside, { name: "1.2.0.192.in-addr.arpa", type: "PTR" }))).toBe(2);
  });

  test("with ndots set, names without a dot are for the search domains", () => {
    const view: NameView = { ...front, ndotsSet: true };
    expect(told(ask(directory(), view, { name: "other" }))).toBe(3);
    expect(told(ask(directory(), view, { name: "other.example" }))).toBe("forward");
    expect(told(ask(directory(), view, { name: "shop-web-1" }))).toEqual(["172.18.0.2"]);
  });

  test("what has gone is not known any more", () => {
    const names = directory();
    names.removeEntry("front", "web-1");
    expect(told(ask(names, front, { name: "web" }))).toEqual(["172.18.0.3"]);
    expect(told(ask(names, front, { name: "shop-web-1" }))).toBe("forward");
    names.addEntry("front", {
      endpointId: "web-2",
      names: ["new"],
      addresses: [parseIpAddress("172.18.0.9")],
    });
    expect(told(ask(names, front, { name: "web" }))).toBe("forward");
    expect(told(ask(names, front, { name: "new" }))).toEqual(["172.18.0.9"]);
    names.removeNetwork("front");
    expect(told(ask(names, front, { name: "new" }))).toBe("forward");
  });

  test("a network may be renamed", () => {
    const names = directory();
    names.addNetwork("front", "other");
    expect(told(ask(names, front, { name: "shop-web-1.other" }))).toEqual(["172.18.0.2"]);
    expect(told(ask(names, front, { name: "shop-web-1.shop_front" }))).toBe("forward");
  });
});

describe("readReverseName()", () => {
  test.each([
    ["2.0.18.172.in-addr.arpa", "172.18.0.2"],
    [`${"2.0.0.0.".repeat(1)}${"0.".repeat(24)}0.0.d.f.ip6.arpa`, "fd00::2"],
  ])("%s", (name, address) => {
    const read = readReverseName(name);
    expect(read === undefined ? "" : formatIpAddress(read)).toBe(address);
  });

  test.each(["18.172.in-addr.arpa", "2.0.18.999.in-addr.arpa", "2.0.ip6.arpa", "in-addr.arpa", "web"])(
    "%s is none",
    (name) => expect(readReverseName(name)).toBeUndefined(),
  );
});
