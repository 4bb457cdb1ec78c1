import { expect, test } from "bun:test";
import {
  type ContainerId,
  findContainerId,
  findSecretId,
  findVolumeName,
  type NetworkId,
  parseContainerId,
  parseEndpointId,
  parseExecId,
  parseNetworkId,
  parseSecretId,
  parseVolumeName,
  type VolumeName,
} from "../../../src/model/ids.ts";

const hex = "0a".repeat(32);

test.each([parseContainerId, parseNetworkId, parseEndpointId, parseExecId])("%p", (parse) => {
  expect(parse(hex) as string).toBe(hex);
  for (const text of ["", "web", hex.slice(1), hex.toUpperCase(), `${hex}\n`, `../${hex}`])
    expect(() => parse(text)).toThrow("it is malformed");
});

test("parseVolumeName() accepts one component of a path", () => {
  expect(parseVolumeName("data.1") as string).toBe("data.1");
  for (const text of ["", ".", "..", ".hidden", "a/b", "/a", "a\0"])
    expect(findVolumeName(text)).toBeUndefined();
});

test("parseSecretId() accepts 25 hexadecimal digits", () => {
  const id = "a".repeat(25);
  expect(parseSecretId(id) as string).toBe(id);
  for (const text of ["", "a".repeat(24), "a".repeat(26), "z".repeat(25), `.${"a".repeat(24)}`])
    expect(findSecretId(text)).toBeUndefined();
});

test("ids refuse plain text and ids of other objects", () => {
  // @ts-expect-error Text may be a name.
  const fromText: ContainerId = hex;
  // @ts-expect-error A container is no network.
  const fromOther: NetworkId = parseContainerId(hex);
  // @ts-expect-error A name of a volume is checked.
  const volume: VolumeName = "data";
  expect<string>(fromText).toBe(fromOther);
  expect<string>(volume).toBe("data");
  expect<string | undefined>(findContainerId(hex)).toBe(hex);
});
