import { describe, expect, test } from "bun:test";
import { addAccounts, type AddedAccounts } from "../../../src/spec/add-accounts.ts";

const image = { passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:10:20::/srv:/bin/sh", group: "root:x:0:\n" };
const host =
  "root:x:0:0::/root:/bin/bash\n# a comment\nme:x:1000:1001:Me:/home/me:/bin/bash\nten:x:10:10::/:/bin/sh\n";
const add = (added: Partial<AddedAccounts>) => addAccounts(image, { user: "", hostPasswd: host, ...added });

describe("addAccounts()", () => {
  test("changes nothing where nothing is asked for, or all is there", () => {
    expect(add({})).toEqual(image);
    expect(add({ passwdEntry: "x:x:$UID:0::/:/bin/sh", groupEntry: "x:x:$GID:" })).toEqual(image);
    expect(add({ user: "10:0", passwdEntry: "x:x:$UID:0::/:/bin/sh", groupEntry: "x:x:$GID:" })).toEqual(
      image,
    );
    expect(add({ user: "web", passwdEntry: "x:x:1:0::/:/bin/sh" })).toEqual(image);
  });

  test("adds a line for a user and a group without one, with what is known in the place of its variables", () => {
    const passwdEntry = "$USERNAME:*:$UID:$GID:$NAME$OTHER:$HOME:/bin/sh";
    expect(add({ user: "77:88", passwdEntry, groupEntry: "$GROUPNAME:x:$GID:" })).toEqual({
      passwd: `${image.passwd}\n77:*:77:88:$OTHER:/:/bin/sh\n`,
      group: "root:x:0:\n88:x:88:\n",
    });
    // The group of the image's user has no line.
    expect(add({ user: "web", groupEntry: "g:x:$GID:" }).group).toBe("root:x:0:\ng:x:20:\n");
  });

  test("adds users of the host, by name and by number, unless name or number are taken", () => {
    const line = "me:x:1000:1001:Me:/home/me:/bin/bash\n";
    expect(add({ hostUsers: ["me"] }).passwd).toBe(`${image.passwd}\n${line}`);
    expect(add({ hostUsers: ["1000", "me"] }).passwd).toBe(`${image.passwd}\n${line}`);
    expect(add({ hostUsers: ["root", "ten"] })).toEqual(image);
    expect(add({ user: "me", hostUsers: ["me"], passwdEntry: "x:x:1:1::/:/bin/sh" }).passwd).toBe(
      `${image.passwd}\n${line}`,
    );
  });

  test.each([
    [{ hostUsers: ["nobody"] }, 'cannot find user "nobody" on the host'],
    [{ hostUsers: ["#"] }, "cannot find user"],
    [{ user: "5", passwdEntry: "too:few" }, 'invalid entry "too:few": want 7 fields'],
    [{ user: "5", passwdEntry: "a:b:c:d:e:f:g\nroot::0:0::/:" }, "want 7 fields"],
    [{ user: "5", passwdEntry: ":x:5:5::/:" }, "want 7 fields"],
    [{ user: "5:5", groupEntry: "a:b" }, "want 4 fields"],
  ])("refuses %j", (added, sentence) => {
    expect(() => add(added)).toThrow(sentence);
  });
});
