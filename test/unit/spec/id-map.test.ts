import { describe, expect, test } from "bun:test";
import {
  checkIdMaps,
  findContainerId,
  findHostId,
  findSharedIds,
  formatIdMap,
  hostRootOf,
  parseIdRange,
  plainIdMaps,
  toContainerOwner,
} from "../../../src/spec/id-map.ts";
import {
  formatUserNamespaceMode,
  parseUserNamespaceMode,
  type UserNamespaceMode,
} from "../../../src/spec/user-namespace-mode.ts";

const two = [parseIdRange("0:100000:10"), parseIdRange("10:5:2")];

describe("id maps", () => {
  test.each([
    [0, 100_000],
    [9, 100_009],
    [10, 5],
    [11, 6],
    [12, undefined],
  ])("findHostId() gives for %p %p, and findContainerId() the way back", (inside, outside) => {
    expect(findHostId(two, inside)).toBe(outside);
    if (outside !== undefined) expect(findContainerId(two, outside)).toBe(inside);
  });

  test("an owner without a number in the container is shown as nobody", () => {
    expect(toContainerOwner({ uid: 0, gid: 5 }, { uids: two, gids: two })).toEqual({ uid: 65_534, gid: 10 });
    expect(hostRootOf({ uids: two, gids: [parseIdRange("0:7:1")] })).toEqual({ uid: 100_000, gid: 7 });
  });

  test("formatIdMap() writes what uid_map takes", () => {
    expect(formatIdMap(two)).toBe("0 100000 10\n10 5 2\n");
  });

  test.each([
    ["0:1:0", "a range has at least one id"],
    ["1:100000:5", "the container has no user id 0"],
    ["0:4294967295:1", "ids go up to 4294967294"],
    ["0:4294967290:10", "ids go up to 4294967294"],
  ])("checkIdMaps() refuses %s", (range, why) => {
    const ranges = [parseIdRange(range)];
    expect(() => checkIdMaps({ uids: ranges, gids: ranges })).toThrow(why);
  });

  test.each([
    [["0:100000:10", "9:200000:1"], "0:100000:10 and 9:200000:1 overlap"],
    [["0:100000:10", "10:100009:1"], "0:100000:10 and 10:100009:1 overlap"],
    [[], "it has no user ids"],
  ])("checkIdMaps() refuses %j", (texts, why) => {
    const ranges = texts.map(parseIdRange);
    expect(() => checkIdMaps({ uids: ranges, gids: ranges })).toThrow(why);
  });

  test("findSharedIds() finds any host id that both maps give, of the same kind only", () => {
    const users = (text: string, other: string) => ({
      uids: [parseIdRange(text)],
      gids: [parseIdRange(other)],
    });
    expect(findSharedIds(plainIdMaps(100_000), plainIdMaps(165_535))).toBeDefined();
    expect(findSharedIds(plainIdMaps(100_000), plainIdMaps(165_536))).toBeUndefined();
    expect(findSharedIds(users("0:1000:1", "0:2000:1"), users("0:2000:1", "0:1000:1"))).toBeUndefined();
  });
});

describe("parseUserNamespaceMode()", () => {
  const one = (text: string) => [parseIdRange(text)];
  test.each<[string, UserNamespaceMode]>([
    ["host", "host"],
    ["private", "private"],
    ["container:web", { container: "web" }],
    ["private:100000", { maps: plainIdMaps(100_000) }],
    ["private:100000:1000", { maps: plainIdMaps(100_000, 1000) }],
    ["private:uidmap=0:1:2,gidmap=0:3:4", { maps: { uids: one("0:1:2"), gids: one("0:3:4") } }],
    ["private:uidmap=0:1:2", { maps: { uids: one("0:1:2"), gids: one("0:1:2") } }],
    ["private:subuid=me,subgid=us", { subordinate: { uidsOf: "me", gidsOf: "us" } }],
    [
      "private:uidmap=0:1000:1,uidmap=1:100000:9",
      {
        maps: {
          uids: [...one("0:1000:1"), ...one("1:100000:9")],
          gids: [...one("0:1000:1"), ...one("1:100000:9")],
        },
      },
    ],
  ])("reads %s", (text, mode) => {
    expect(parseUserNamespaceMode(text)).toEqual(mode);
    expect(parseUserNamespaceMode(formatUserNamespaceMode(mode))).toEqual(mode);
  });

  test("takes podman's word, and nothing for nothing said", () => {
    expect(parseUserNamespaceMode("auto")).toBe("private");
    expect(parseUserNamespaceMode("private:subuid=me")).toEqual({
      subordinate: { uidsOf: "me", gidsOf: "me" },
    });
    expect(parseUserNamespaceMode("")).toBeUndefined();
  });

  test.each([
    "container:",
    "none",
    "private:",
    "private:x",
    "private:0x10",
    "private:-1",
    "private:1:2:3",
    "private:uidmap=1",
    "private:99999999999",
    "private:uidmap=0:1:2,foo=1",
    "host:1",
    "keep-id",
    "nomap",
    "private:subgid=a,subgid=b",
    "private:subuid=a:b",
  ])("refuses %s", (text) => {
    expect(() => parseUserNamespaceMode(text)).toThrow("invalid ");
  });
});
