import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  decodeIpAddress,
  encodeIpAddress,
  formatIpAddress,
  formatIpPrefix,
  hasAddress,
  lastOf,
  overlap,
  parseIpAddress,
  parseIpPrefix,
} from "../../../src/spec/ip-address.ts";

describe("parseIpAddress(), formatIpAddress()", () => {
  test.each([
    ["10.1.2.3", "10.1.2.3"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["FD00:0:0:1::2", "fd00:0:0:1::2"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["::ffff:10.1.2.3", "::ffff:a01:203"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ])("%s", (text, canonical) => expect(formatIpAddress(parseIpAddress(text))).toBe(canonical));

  test.each(["", "10.1.2", "10.1.2.256", "010.1.2.3", "fe80::1%eth0", "1::2::3", "web", "10.0.0.1/8"])(
    'refuses "%s"',
    (text) => expect(() => parseIpAddress(text)).toThrow(`cannot read "${text}" as an IP address`),
  );

  test("what is written is read again, as text and as bytes", () => {
    const addresses = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4 as const, value })),
      fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6 as const, value })),
    );
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseIpAddress(formatIpAddress(address))).toEqual(address);
        expect(decodeIpAddress(encodeIpAddress(address))).toEqual(address);
      }),
    );
  });
});

describe("parseIpPrefix()", () => {
  test("cuts off what is behind the prefix, or refuses it", () => {
    expect(formatIpPrefix(parseIpPrefix("10.1.2.3/16"))).toBe("10.1.0.0/16");
    expect(() => parseIpPrefix("10.1.2.3/16", { strict: true })).toThrow('it should be "10.1.0.0/16"');
    expect(formatIpPrefix(parseIpPrefix("fd00::/64", { strict: true }))).toBe("fd00::/64");
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "/8", "web/8"])('refuses "%s"', (text) =>
    expect(() => parseIpPrefix(text)).toThrow("cannot read"),
  );
});

test("ranges", () => {
  const prefix = parseIpPrefix("10.1.0.0/16");
  expect(formatIpAddress(lastOf(prefix))).toBe("10.1.255.255");
  expect(hasAddress(prefix, parseIpAddress("10.1.255.255"))).toBe(true);
  expect(hasAddress(prefix, parseIpAddress("10.2.0.0"))).toBe(false);
  expect(hasAddress(parseIpPrefix("::/0"), parseIpAddress("10.1.0.0"))).toBe(false);
  expect(overlap(prefix, parseIpPrefix("10.0.0.0/8"))).toBe(true);
  expect(overlap(parseIpPrefix("10.1.4.0/24"), prefix)).toBe(true);
  expect(overlap(prefix, parseIpPrefix("10.2.0.0/16"))).toBe(false);
});
