import { describe, expect, test } from "bun:test";
import { AttachedMounts } from "../../../src/runtime/plan/attached-mounts.ts";
import { PlanBlob, PlanList, type PlanArgument } from "../../../src/runtime/plan/plan.ts";

const root = 6;
/** The calls, jumps included, that open a place at the top of the root. */
const openChecked = "openat2 close openat2 close openat2 close openat2 close mkdirat openat2".split(" ");

/** The calls that open a place, and where the first one of them begins. */
function place(
  attached: AttachedMounts,
  path: string,
  kind: "directory" | "file" = "directory",
): { readonly calls: readonly string[]; readonly from: PlanArgument | undefined } {
  const list = new PlanList();
  attached.addOpenTarget(list, new PlanBlob(), path, { about: "mount", kind, symlinks: "follow" });
  return { calls: list.ops.map(({ call }) => call), from: list.ops[0]?.args[0] };
}

describe("AttachedMounts", () => {
  test("a place right in a tmpfs of the plan's own is reached by its descriptor, all others from the root", () => {
    const attached = new AttachedMounts(root, new PlanBlob());
    attached.add("/dev/", 30);
    attached.add("/sys");
    expect(place(attached, "/dev/shm")).toEqual({ calls: ["mkdirat", "openat2"], from: 30 });
    expect(place(attached, "dev//console", "file")).toEqual({ calls: ["mknodat", "openat2"], from: 30 });
    expect(place(attached, "/devices").from).toBe(root);
    expect(place(attached, "/dev/a/b").from).toBe(root);
    expect(place(attached, "/sys/fs").from).toBe(root);
    expect(place(attached, "/dev").from).toBe(root);
    expect(place(attached, "/").from).toBe(root);
  });

  test("what is mounted over it, or over what is above it, counts from then on", () => {
    for (const over of ["/a/b", "/a", "/", "/a/b/"]) {
      const attached = new AttachedMounts(root, new PlanBlob());
      attached.add("/a/b", 30);
      attached.add("/a/beside");
      expect(place(attached, "/a/b/c").from).toBe(30);
      attached.add(over);
      expect(place(attached, "/a/b/c").from).toBe(root);
    }
    const attached = new AttachedMounts(root, new PlanBlob());
    attached.add("/a", 30);
    attached.add("/a", 31);
    expect(place(attached, "/a/c").from).toBe(31);
  });

  test("a directory that is such a tmpfs needs no call", () => {
    const attached = new AttachedMounts(root, new PlanBlob());
    attached.add("/dev", 30);
    const list = new PlanList();
    expect(attached.addOpenDirectory(list, new PlanBlob(), "/dev", "make a device")).toBe(30);
    expect(list.ops).toEqual([]);
    attached.addOpenDirectory(list, new PlanBlob(), "/run", "make a device");
    expect(list.ops[0]?.args[0]).toBe(root);
  });

  test("a target is checked where a link may lead to it, by what its own place may be", () => {
    const attached = new AttachedMounts(root, new PlanBlob());
    const list = new PlanList();
    attached.add("/dev", 30);
    attached.protect(list, 30, "/dev");
    const withLink = [...openChecked, "fstatfs", "check-not-in"];
    expect(place(attached, "/p").calls).toEqual([...withLink, "newfstatat", "check-not-in"]);
    expect(place(attached, "/dev/a/b").calls.slice(-2)).toEqual(["fstatfs", "check-not-in"]);
    expect(place(attached, "/dev/shm").calls).not.toContain("check-not-in");
  });
});
