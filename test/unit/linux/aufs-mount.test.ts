import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import {
  type AufsBranches,
  mountAufs,
  parseBranchLimit,
  aufsOptions,
} from "../../../src/linux/mount/aufs-mount.ts";
import { hasFilesystem } from "../../../src/linux/mount/mount.ts";
import { Scratch } from "../../support/scratch.ts";
import { SimulatedAufs } from "../../support/simulated-aufs.ts";

const fixed = [
  ["dirperm1", true],
  ["udba", "none"],
  ["noplink", true],
  ["dio", true],
  ["acl", true],
  ["nowarn_perm", true],
] as const;

test("aufsOptions() writes to the topmost branch, and looks for whiteouts in the others", () => {
  expect(aufsOptions({ branches: ["/up", "/two", "/one"], isWritable: true, xino: "/x/1" })).toEqual({
    create: [...fixed, ["xino", "/x/1"], ["br", "/up=rw"], ["br", "/two=ro+wh"], ["br", "/one=ro+wh"]],
    append: [],
    attributes: 0,
  });
});

test("aufsOptions() of what nobody writes to has no writable branch", () => {
  expect(aufsOptions({ branches: ["/two", "/one"], isWritable: false, xino: "/x/1" })).toEqual({
    create: [["ro", true], ...fixed, ["xino", "/x/1"], ["br", "/two=ro+wh"], ["br", "/one=ro+wh"]],
    append: [],
    attributes: 1,
  });
});

test("aufsOptions() appends what does not fit into the page, in the order of the branches", () => {
  const branches = Array.from({ length: 127 }, (_, index) => `/layers/${String(index).padStart(64, "0")}/fs`);
  const { create, append } = aufsOptions({ branches, isWritable: true, xino: "/x/1" });
  expect(append.length).toBeGreaterThan(1);
  expect(append.flat().every(([key]) => key === "append")).toBe(true);
  const values = [...create.filter(([key]) => key === "br"), ...append.flat()].map(([, value]) => value);
  expect(values).toEqual(branches.map((path, index) => `${path}=${index === 0 ? "rw" : "ro+wh"}`));
  for (const context of [create, ...append]) {
    expect(context.length).toBeLessThanOrEqual(84);
    const text = context.map(([key, value]) => (value === true ? key : `${key}=${value}`)).join(",");
    expect(text.length).toBeLessThan(4095);
  }
});

/** Directories `0` to `count - 1`, the first of them writable. */
function branchesIn(scratch: Scratch, count: number): AufsBranches {
  const branches = Array.from({ length: count }, (_, index) => scratch.join(String(index)));
  for (const path of branches) mkdirSync(path);
  return { branches, isWritable: true, xino: scratch.join("xino") };
}

test("mountAufs() makes these calls, in this order", () => {
  using scratch = new Scratch("aufs");
  const order = branchesIn(scratch, 2);
  using simulated = new SimulatedAufs();
  using _ = mountAufs(order, simulated);
  const [context] = simulated.calls.filter(([name]) => name === "fsconfig").map(([, fd]) => fd);
  expect(simulated.calls).toEqual([
    ["fsopen", "aufs", 1],
    ["fsconfig", context, 1, "source", "aufs", 0],
    ["fsconfig", context, 0, "dirperm1", null, 0],
    ["fsconfig", context, 1, "udba", "none", 0],
    ["fsconfig", context, 0, "noplink", null, 0],
    ["fsconfig", context, 0, "dio", null, 0],
    ["fsconfig", context, 0, "acl", null, 0],
    ["fsconfig", context, 0, "nowarn_perm", null, 0],
    ["fsconfig", context, 1, "xino", order.xino, 0],
    ["fsconfig", context, 1, "br", `${scratch.join("0")}=rw`, 0],
    ["fsconfig", context, 1, "br", `${scratch.join("1")}=ro+wh`, 0],
    ["fsconfig", context, 6, null, null, 0],
    ["fsmount", context, 1, 0],
  ]);
});

test("mountAufs() of 127 branches remounts until all are there", () => {
  using scratch = new Scratch("aufs");
  const order = branchesIn(scratch, 127);
  using simulated = new SimulatedAufs();
  using mount = mountAufs(order, simulated);
  expect(simulated.mounted[0]?.branches.map(({ path }) => path)).toEqual([...order.branches]);
  const picks = simulated.calls.filter(([name]) => name === "fspick");
  expect(picks.length).toBeGreaterThan(0);
  expect(picks.every(([, fd, path, flags]) => fd === mount.fd && path === "" && flags === 9)).toBe(true);
  expect(simulated.calls.filter(([name, , command]) => name === "fsconfig" && command === 7)).toHaveLength(
    picks.length,
  );
});

test("mountAufs() says what the kernel refused, and where it says why", () => {
  using scratch = new Scratch("aufs");
  const order = branchesIn(scratch, 2);
  using simulated = new SimulatedAufs();
  expect(() => mountAufs({ ...order, branches: [] }, simulated)).toThrow(
    /^cannot create a file system of type "aufs": fsconfig\(\d+, 6, NULL, NULL, 0\): EINVAL \(see dmesg\)$/,
  );
  using narrow = new SimulatedAufs({ branchLimit: 1 });
  expect(() => mountAufs(order, narrow)).toThrow(/^cannot mount 2 branches: .*ENOSPC$/);
});

test("hasFilesystem() asks the kernel, which loads the module", () => {
  using simulated = new SimulatedAufs();
  expect(hasFilesystem("aufs", simulated)).toBe(true);
  expect(simulated.calls).toEqual([["fsopen", "aufs", 1]]);
});

test("parseBranchLimit() reads it from a kernel's configuration", () => {
  expect(parseBranchLimit("CONFIG_AUFS_FS=m\nCONFIG_AUFS_BRANCH_MAX_1023=y\n")).toBe(1023);
  expect(parseBranchLimit("# CONFIG_AUFS_BRANCH_MAX_127 is not set\n")).toBeUndefined();
});
