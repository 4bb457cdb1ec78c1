import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseMountinfo } from "../../../src/linux/mount/mountinfo.ts";

describe("parseMountinfo()", () => {
  test("parseMountinfo() reads every field and undoes escapes", () => {
    const line =
      "36 35 98:0 /my\\040root /mnt/a\\011b\\134c\\012d rw,noatime shared:7 master:1 unbindable - ext3 /dev/ro\\040ot rw,errors=continue\n";
    expect(parseMountinfo(line)).toEqual([
      {
        id: 36,
        parentId: 35,
        device: "98:0",
        root: "/my root",
        target: "/mnt/a\tb\\c\nd",
        options: ["rw", "noatime"],
        sharedWith: 7,
        slaveOf: 1,
        unbindable: true,
        type: "ext3",
        source: "/dev/ro ot",
        superOptions: ["rw", "errors=continue"],
      },
    ]);
  });

  test("parseMountinfo() reads lines without tags and takes a dash only for the separator", () => {
    const [mount] = parseMountinfo("22 27 0:21 / /- rw,relatime - proc - rw");
    expect(mount).toMatchObject({ target: "/-", type: "proc", source: "-", unbindable: false });
    expect(mount?.sharedWith).toBeUndefined();
  });

  test("parseMountinfo() keeps an empty source", () => {
    expect(
      parseMountinfo("1 1 0:1 / / rw -  rw\n1 1 0:1 / / rw - tmpfs  rw".split("\n")[1] as string)[0]?.source,
    ).toBe("");
  });

  test.each(["x", "1 2 3:4 / / rw", "1 2 3:4 / / rw - proc"])("parseMountinfo() refuses %p", (line) => {
    expect(() => parseMountinfo(line)).toThrow(/cannot read the mount table/);
  });

  test("parseMountinfo() gives back any path that the kernel escaped", () => {
    const escape = (path: string): string =>
      path.replace(/[ \t\n\\#]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`);
    fc.assert(
      fc.property(fc.string(), (path) => {
        const line = `1 2 3:4 / /${escape(path)} rw - tmpfs none rw`;
        expect(parseMountinfo(line)[0]?.target).toBe(`/${path}`);
      }),
    );
  });
});
