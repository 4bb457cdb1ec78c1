import { describe, expect, test } from "bun:test";
import type { CgroupLayout } from "../../../src/linux/cgroup/layout.ts";
import { planCgroupMounts } from "../../../src/linux/cgroup/mounts.ts";
import { MOUNT_ATTR_RDONLY } from "../../../src/linux/constants/mount.ts";

const base = { swapAccounting: true, cpus: "0", memoryNodes: "0" };
const v2 = { version: 2, mountPath: "/sys/fs/cgroup", controllers: [] } as const;
const hybrid: CgroupLayout = {
  ...base,
  v1: [
    { version: 1, mountPath: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
    { version: 1, mountPath: "/sys/fs/cgroup/systemd", controllers: [], name: "systemd" },
  ],
  v2: { ...v2, mountPath: "/sys/fs/cgroup/unified" },
};

describe("planCgroupMounts()", () => {
  test("planCgroupMounts() is one read-only cgroup2 on v2", () => {
    const [mount, ...rest] = planCgroupMounts({ ...base, v1: [], v2 }, { namespace: "private", path: "a/b" });
    expect(mount).toMatchObject({
      kind: "filesystem",
      type: "cgroup2",
      target: "/sys/fs/cgroup",
      parameters: [],
    });
    expect(rest).toEqual([]);
    expect(mount?.kind === "filesystem" && (mount.attributes & MOUNT_ATTR_RDONLY) !== 0).toBe(true);
  });

  test("planCgroupMounts() is a sealed tmpfs with links on v1", () => {
    const plan = planCgroupMounts(hybrid, { namespace: "private", path: "a/b" });
    expect(
      plan.map((step) => `${step.kind} ${"target" in step ? step.target : `${step.path} ${step.to}`}`),
    ).toEqual([
      "filesystem /sys/fs/cgroup",
      "filesystem /sys/fs/cgroup/unified",
      "filesystem /sys/fs/cgroup/cpu,cpuacct",
      "filesystem /sys/fs/cgroup/systemd",
      "symlink /sys/fs/cgroup/cpu cpu,cpuacct",
      "symlink /sys/fs/cgroup/cpuacct cpu,cpuacct",
      "seal /sys/fs/cgroup",
    ]);
    expect(plan[2]).toMatchObject({
      parameters: [
        ["cpu", true],
        ["cpuacct", true],
      ],
    });
    expect(plan[3]).toMatchObject({
      parameters: [
        ["none", true],
        ["name", "systemd"],
      ],
    });
  });

  test("planCgroupMounts() binds the container's own v1 directories in the host's namespace", () => {
    const plan = planCgroupMounts(hybrid, { namespace: "host", path: "a/b" });
    expect(plan[2]).toMatchObject({ kind: "bind", source: "/sys/fs/cgroup/cpu,cpuacct/a/b" });
  });

  test("planCgroupMounts() is writable only when asked", () => {
    for (const step of planCgroupMounts(hybrid, { namespace: "private", path: "a/b", writable: true }).slice(
      1,
      4,
    )) {
      expect("attributes" in step && (step.attributes & MOUNT_ATTR_RDONLY) === 0).toBe(true);
    }
  });

  test("planCgroupMounts() is nothing on a host without cgroups", () => {
    expect(planCgroupMounts({ ...base, v1: [] }, { namespace: "private", path: "a" })).toEqual([]);
  });
});
