import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseGroup, parsePasswd, resolveUser } from "../../../src/spec/passwd.ts";

const passwd = `
# comment
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
web:x:1000:1001:Web,,,:/home/web:/bin/bash
nohome:x:1002:1002::
twin:x:1000:9:second with that uid:/twin:/bin/sh
huge:x:2147483648:0::/:/bin/sh
broken:x:abc:0::/:/bin/sh
1234:x:77:77::/digits:
:x:5:5::/:
`;
const group = `
root:x:0:
daemon:x:1:web
web:x:1001:
audio:x:29:web,daemon
999:x:30:
broken:x:abc:web
`;
const database = { passwd, group };

describe("parsePasswd()", () => {
  test("parsePasswd() skips comments and lines that are no entries", () => {
    expect(parsePasswd(passwd).map((entry) => entry.name)).toEqual([
      "root",
      "daemon",
      "web",
      "nohome",
      "twin",
      "1234",
    ]);
    expect(parsePasswd(passwd)[2]).toEqual({
      name: "web",
      uid: 1000,
      gid: 1001,
      home: "/home/web",
      shell: "/bin/bash",
    });
  });
});

describe("parseGroup()", () => {
  test("parseGroup() splits members", () => {
    expect(parseGroup(group).find((entry) => entry.name === "audio")).toEqual({
      name: "audio",
      gid: 29,
      members: ["web", "daemon"],
    });
  });
});

describe("resolveUser()", () => {
  test.each([
    ["", { uid: 0, gid: 0, additionalGids: [0], home: "/root", name: "root" }],
    ["root", { uid: 0, gid: 0, additionalGids: [0], home: "/root", name: "root" }],
    ["web", { uid: 1000, gid: 1001, additionalGids: [1001, 1, 29], home: "/home/web", name: "web" }],
    ["1000", { uid: 1000, gid: 1001, additionalGids: [1001, 1, 29], home: "/home/web", name: "web" }],
    ["web:audio", { uid: 1000, gid: 29, additionalGids: [29], home: "/home/web", name: "web" }],
    ["web:5", { uid: 1000, gid: 5, additionalGids: [5], home: "/home/web", name: "web" }],
    ["5000", { uid: 5000, gid: 0, additionalGids: [0], home: "/" }],
    ["5000:6000", { uid: 5000, gid: 6000, additionalGids: [6000], home: "/" }],
    ["2147483647:2147483647", { uid: 2147483647, gid: 2147483647, additionalGids: [2147483647], home: "/" }],
    [":29", { uid: 0, gid: 29, additionalGids: [29], home: "/root", name: "root" }],
    ["web:", { uid: 1000, gid: 1001, additionalGids: [1001, 1, 29], home: "/home/web", name: "web" }],
    ["nohome", { uid: 1002, gid: 1002, additionalGids: [1002], home: "/", name: "nohome" }],
    // all digits is a number, though there is a user and a group of that name
    ["1234:999", { uid: 1234, gid: 999, additionalGids: [999], home: "/" }],
  ])("resolveUser() resolves %p", (user, expected) => {
    expect(resolveUser(user, database)).toEqual(expected);
  });

  test.each([
    ["nobody", "unable to find user nobody: no matching entries in passwd file"],
    ["broken", "unable to find user broken: no matching entries in passwd file"],
    ["web:nogroup", "unable to find group nogroup: no matching entries in group file"],
    ["huge", "unable to find user huge: no matching entries in passwd file"],
    ["2147483648", "uids and gids must be in range 0-2147483647"],
    ["4294967296", "uids and gids must be in range 0-2147483647"],
    ["99999999999999999999", "uids and gids must be in range 0-2147483647"],
    ["-1", "uids and gids must be in range 0-2147483647"],
    ["0:4294967296", "uids and gids must be in range 0-2147483647"],
  ])("resolveUser() refuses %p", (user, sentence) => {
    expect(() => resolveUser(user, database)).toThrow(sentence);
  });

  test("resolveUser() adds groups by name and number, each once", () => {
    expect(resolveUser("web", database, { groups: ["audio", "44", "root", "44"] }).additionalGids).toEqual([
      1001, 1, 29, 44, 0,
    ]);
    expect(() => resolveUser("web", database, { groups: ["nope"] })).toThrow(/unable to find group nope/);
  });

  test("resolveUser() needs no files for numbers and root", () => {
    const empty = { passwd: "", group: "" };
    expect(resolveUser("", empty)).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: "/" });
    expect(resolveUser("7:8", empty)).toEqual({ uid: 7, gid: 8, additionalGids: [8], home: "/" });
    expect(() => resolveUser("root", empty)).toThrow(/unable to find user root/);
  });

  test("resolveUser() never gives an id out of range, whatever the files say", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (user, passwdText, groupText) => {
        try {
          const resolved = resolveUser(user, { passwd: passwdText, group: groupText });
          for (const id of [resolved.uid, resolved.gid, ...resolved.additionalGids]) {
            expect(id >= 0 && id < 2 ** 31 && Number.isInteger(id)).toBe(true);
          }
        } catch (thrown) {
          expect((thrown as { kind?: string }).kind).toBe("invalid");
        }
      }),
    );
  });
});
