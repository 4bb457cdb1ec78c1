import { describe, expect, test } from "bun:test";
import { parseIdRange } from "../../../src/spec/id-map.ts";
import type { RuntimeNamespaceType } from "../../../src/spec/runtime-config.ts";
import { asPlan, type Changes, container, exec, positionOf, positionsOf } from "./plans.ts";
import { encodePlan } from "../../../src/runtime/plan/encode.ts";

const AT_FDCWD = -100;
// clone(2)
const NEWUSER = 0x1000_0000;
const NEWPID = 0x2000_0000;
const NEWNET = 0x4000_0000;

const ranges = [parseIdRange("0:100000:1000")];
const types = ["pid", "mount", "ipc", "uts", "network", "cgroup", "user"] as const;

function inNamespace(changes: Changes = {}): Changes {
  return {
    ...changes,
    linux: {
      namespaces: types.map((type) => ({ type })),
      uidMappings: ranges,
      gidMappings: ranges,
      ...changes.linux,
    },
    input: { streamOwner: 100_005, devicesMade: true, rootPath: "/", ...changes.input },
  };
}

describe("planContainer() with a user namespace of its own", () => {
  const lists = container(inNamespace({ process: { oomScoreAdj: 5 } }));

  test("clones into it with the others, which so belong to it", () => {
    expect(lists.cloneFlags & (NEWUSER | NEWPID | NEWNET)).toBe(NEWUSER | NEWPID | NEWNET);
    expect(lists.joins).toBeUndefined();
  });

  test("joins the cgroup as the host's root, waits for its ids, and is its root before it makes anything", () => {
    const { child } = lists;
    const cgroup = Math.max(...positionsOf(child, "write", 7));
    const [wait = -1] = positionsOf(child, "read", 3);
    const [root = -1] = positionsOf(child, "setresuid", 0, 0, 0);
    expect(cgroup).toBeLessThan(wait);
    expect(wait).toBeLessThan(root);
    for (const call of ["fsopen", "move_mount", "unshare", "socket", "mkdirat"] as const)
      expect(Math.min(...positionsOf(child, call))).toBeGreaterThan(root);
  });

  test("pivots only after procfs and sysfs were made", () => {
    const created = Math.max(...positionsOf(lists.child, "fsmount").slice(0, 3));
    expect(positionOf(lists.child, "pivot_root")).toBeGreaterThan(created);
  });

  test("makes no device, and leaves score and streams to others", () => {
    expect(
      lists.child.ops.filter(
        ({ call, args }) => call === "mknodat" && typeof args[3] === "number" && args[3] > 0,
      ),
    ).toEqual([]);
    expect(lists.child.ops.some(({ args }) => args.includes("self/oom_score_adj"))).toBe(false);
    expect(positionsOf(lists.child, "fchown")).toEqual([]);
    expect(
      lists.before.ops.filter(({ call, args }) => call === "fchown" && args[1] === 100_005),
    ).toHaveLength(2);
  });

  test("is given its AppArmor profile while it still is the host's root", () => {
    const { child } = container(inNamespace({ process: { apparmorProfile: "tare-default" } }));
    const [exec = -1] = positionsOf(child, "openat", AT_FDCWD, "/proc/self/attr/apparmor/exec");
    const [root = -1] = positionsOf(child, "setresuid", 0, 0, 0);
    expect(exec).toBeGreaterThan(0);
    expect(exec).toBeLessThan(root);
  });

  test("namespaces of others are joined by the keeper, which has the right to", () => {
    const joinNamespaces = new Map<RuntimeNamespaceType, number>([["network", 9]]);
    const joined = container(inNamespace({ input: { joinNamespaces } }));
    expect(positionsOf(joined.before, "setns", 9)).toHaveLength(1);
    expect(positionsOf(joined.child, "setns")).toEqual([]);
    expect(joined.cloneFlags & NEWNET).toBe(0);
  });
});

describe("planContainer() in another container's user namespace", () => {
  const joinNamespaces = new Map<RuntimeNamespaceType, number>([
    ["user", 8],
    ["pid", 9],
  ]);
  const lists = container(inNamespace({ input: { joinNamespaces } }));

  test("has the child cloned in it, and the keeper outside", () => {
    expect(lists.joins).toEqual({ joinUserFd: 8, joinPidFd: 9 });
    expect(lists.cloneFlags & (NEWUSER | NEWPID)).toBe(0);
    expect(positionsOf(lists.before, "setns")).toEqual([]);
    const header = Buffer.from(encodePlan(asPlan(lists, lists.joins)));
    expect([header.readInt32LE(120), header.readInt32LE(124)]).toEqual([8, 9]);
  });

  test("becomes its root as in one of its own", () => {
    expect(positionsOf(lists.child, "setresuid", 0, 0, 0).length).toBeGreaterThan(0);
  });
});

describe("planExec() into a user namespace", () => {
  const raises = [{ resource: "nofile", soft: 10, hard: 1000 }] as const;
  const lists = exec({
    exec: { joins: ["mount", "pid", "user", "time"], streamOwner: 100_005, raises, limits: [raises[0]] },
  });

  test("raises limits and joins the time namespace before it gives up the host's rights", () => {
    const [time = -1, rest = -1] = positionsOf(lists.child, "setns");
    const [raise = -1, set = -1] = positionsOf(lists.child, "prlimit64");
    expect(time).toBeLessThan(rest);
    expect(raise).toBeLessThan(rest);
    expect(set).toBeGreaterThan(rest);
    expect(positionsOf(lists.child, "setresuid", 0, 0, 0)[0] as number).toBeGreaterThan(rest);
  });

  test("gives the streams to the user before the child runs", () => {
    expect(
      lists.before.ops.filter(({ call, args }) => call === "fchown" && args[1] === 100_005),
    ).toHaveLength(2);
    expect(positionsOf(lists.child, "fchown")).toEqual([]);
  });
});

test("plans without a user namespace are not changed by there being any", () => {
  const lists = container();
  expect(positionsOf(lists.child, "read", 3)).toEqual([]);
  expect(positionsOf(lists.child, "setresuid")).toHaveLength(1);
  expect(positionsOf(lists.child, "fchown")).toHaveLength(2);
  const header = Buffer.from(encodePlan(asPlan(lists)));
  expect([header.readInt32LE(120), header.readInt32LE(124)]).toEqual([-1, -1]);
});
