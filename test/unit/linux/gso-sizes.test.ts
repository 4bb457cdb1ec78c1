import { describe, expect, test } from "bun:test";
import { encodeGsoSizes, gsoSizesOf, parseGsoSizes } from "../../../src/linux/netlink/gso-sizes.ts";
import { addVeth, setGsoSizes } from "../../../src/linux/netlink/links.ts";
import { attributeMap } from "../../../src/linux/netlink/attributes.ts";

const hex = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("hex");
const gso6 = "08002900 00000300";
const gro6 = "08003a00 00000300";
const gso4 = "08003f00 00000300";
const gro4 = "08004000 00000300";

describe("the largest packets of TCP", () => {
  test.each([
    ["a kernel without either", {}, ""],
    ["IPv6 alone, before Linux 6.3", { ipv6: 196_608 }, gso6 + gro6],
    ["IPv4 alone", { ipv4: 196_608 }, gso4 + gro4],
    ["both", { ipv4: 196_608, ipv6: 196_608 }, gso6 + gro6 + gso4 + gro4],
  ])("encodeGsoSizes(): %s", (_, sizes, bytes) => {
    expect(hex(encodeGsoSizes(sizes))).toBe(bytes.replaceAll(" ", ""));
  });

  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
  test.each([
    ["before 5.19: a size that IPv6 can't go beyond", [[41, 65_536]], {}],
    [
      "since 5.19",
      [
        [41, 65_536],
        [59, 524_280],
      ],
      { ipv6: 65_536, most: 524_280 },
    ],
    [
      "since 6.3",
      [
        [41, 131_072],
        [59, 524_280],
        [63, 196_608],
      ],
      { ipv6: 131_072, ipv4: 196_608, most: 524_280 },
    ],
  ] as const)("parseGsoSizes(): %s", (_, attributes, sizes) => {
    expect(parseGsoSizes(new Map(attributes.map(([type, value]) => [type, u32(value)])))).toEqual(sizes);
  });

  test.each([
    [{}, {}],
    [{ ipv6: 1 }, { ipv6: 8 }],
    [
      { ipv4: 1, ipv6: 1, most: 7 },
      { ipv4: 7, ipv6: 7 },
    ],
    [
      { ipv4: 1, ipv6: 2 },
      { ipv4: 7, ipv6: 8 },
    ],
  ])("gsoSizesOf() has the families that the kernel has: %j", (known, sizes) => {
    expect(gsoSizesOf({ ipv4: 7, ipv6: 8 }, known)).toEqual(sizes);
  });

  test("both ends of a pair are born with them", () => {
    const sizes = { ipv4: 196_608, ipv6: 196_608 };
    const peer = { name: "eth0", macAddress: "02:00:00:00:00:01", netnsFd: 7 };
    const { payload } = addVeth("tv0", { bridgeIndex: 3, mtu: 1500, gsoSizes: sizes, peer });
    const outer = attributeMap(payload, 16);
    const info = attributeMap(outer.get(18) ?? Buffer.alloc(0));
    const inner = attributeMap(attributeMap(info.get(2) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0), 16);
    for (const attributes of [outer, inner]) {
      expect([41, 58, 63, 64].map((type) => attributes.get(type)?.readUInt32LE(0))).toEqual(
        Array.from({ length: 4 }, () => 196_608),
      );
    }
    const plain = addVeth("tv0", { bridgeIndex: 3, mtu: 1500, gsoSizes: {}, peer });
    expect([...attributeMap(plain.payload, 16).keys()]).not.toContain(41);
  });

  test("a change names the interface and nothing else", () => {
    const { payload } = setGsoSizes("tr0", { ipv4: 131_072 });
    expect([...attributeMap(payload, 16).keys()]).toEqual([3, 63, 64]);
  });
});
