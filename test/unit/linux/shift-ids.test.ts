import { describe, expect, test } from "bun:test";
import {
  withContainerAttributes,
  withContainerOwner,
  withHostAttributes,
  withHostOwner,
} from "../../../src/linux/tree/internal/shift-ids.ts";
import { plainIdMaps } from "../../../src/spec/id-map.ts";

const maps = plainIdMaps(100_000, 1000);
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const attribute = (name: string, value: Uint8Array) => new Map([[name, value]]);
const text = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : Buffer.from(value).toString("hex");

// SPEC: linux/capability.h: revision 2 with the effective flag, CAP_NET_RAW permitted; revision 3 has the root's id too.
const plain = hex("01000002 00200000 00000000 00000000 00000000");
const rooted = hex("01000003 00200000 00000000 00000000 00000000 a0860100");

describe("owners", () => {
  test("are the container's numbers in an archive, and the host's in a tree", () => {
    expect(withContainerOwner({ path: "a", uid: 100_005, gid: 100_000 }, maps)).toEqual({
      path: "a",
      uid: 5,
      gid: 0,
    });
    expect(withHostOwner({ path: "a", uid: 5, gid: 0 }, maps)).toEqual({
      path: "a",
      uid: 100_005,
      gid: 100_000,
    });
  });

  test("that have no number are nobody's in an archive, and refused in a tree", () => {
    expect(withContainerOwner({ uid: 0, gid: 101_000 }, maps)).toEqual({ uid: 65_534, gid: 65_534 });
    expect(() => withHostOwner({ uid: 1000, gid: 0 }, maps)).toThrow(
      "it belongs to 1000:0, which the container's user namespace has no id for",
    );
  });
});

describe("file capabilities", () => {
  test("of the container's root become those of any root, and the other way round", () => {
    const name = "security.capability";
    expect(text(withContainerAttributes(attribute(name, rooted), maps).get(name))).toBe(text(plain));
    expect(text(withHostAttributes(attribute(name, plain), maps).get(name))).toBe(text(rooted));
  });

  test("of a namespace that the container can't name are left out; of any root they stay", () => {
    const name = "security.capability";
    const foreign = hex("01000003 00200000 00000000 00000000 00000000 01000000");
    expect(withContainerAttributes(attribute(name, foreign), maps).has(name)).toBe(false);
    expect(text(withContainerAttributes(attribute(name, plain), maps).get(name))).toBe(text(plain));
    const nested = hex("01000003 00200000 00000000 00000000 00000000 05000000");
    expect(text(withHostAttributes(attribute(name, nested), maps).get(name))).toBe(
      "010000030020000000000000000000000000000".concat("0a5860100"),
    );
  });

  test("that are cut short or of another revision pass unchanged or not at all", () => {
    const name = "security.capability";
    expect(withHostAttributes(attribute(name, hex("0100")), maps).get(name)?.length).toBe(2);
    expect(withContainerAttributes(attribute(name, rooted.slice(0, 20)), maps).has(name)).toBe(false);
    expect(
      withHostAttributes(attribute(name, hex("01000001 00000000 00000000 00000000 00000000")), maps).size,
    ).toBe(1);
  });
});

describe("access lists", () => {
  const name = "system.posix_acl_access";
  // user::rw-, user:5:r--, group::r--, group:7:r--, mask::r--, other::---
  const list = (user: string, group: string) =>
    hex(
      `02000000 01000600 ffffffff 02000400 ${user} 04000400 ffffffff 08000400 ${group} 10000400 ffffffff 20000000 ffffffff`,
    );

  test("name the container's users and groups in an archive", () => {
    const inside = list("05000000", "07000000");
    const outside = list("a5860100", "a7860100");
    expect(text(withHostAttributes(attribute(name, inside), maps).get(name))).toBe(text(outside));
    expect(text(withContainerAttributes(attribute(name, outside), maps).get(name))).toBe(text(inside));
  });

  test("lose entries of who has no number there, and are dropped when they are torn", () => {
    const shifted = withContainerAttributes(attribute(name, list("05000000", "a7860100")), maps).get(name);
    expect(shifted?.length).toBe(4 + 5 * 8);
    expect(withHostAttributes(attribute(name, hex("0200000001")), maps).has(name)).toBe(false);
  });

  test("other attributes stay as they are", () => {
    const kept = attribute("user.x", hex("00"));
    expect(withHostAttributes(kept, maps)).toEqual(kept);
  });
});
