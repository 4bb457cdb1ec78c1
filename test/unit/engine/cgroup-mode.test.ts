import { describe, expect, test } from "bun:test";
import { checkCgroupMode, isWithoutDeviceList } from "../../../src/engine/planning/cgroup-mode.ts";
import { planMounts } from "../../../src/engine/planning/mounts.ts";
import type { ContainerSpec } from "../../../src/model/containers.ts";

const check = (spec: Partial<ContainerSpec>): void =>
  checkCgroupMode({ image: "i", cgroups: "disabled", ...spec });

describe("checkCgroupMode() of a container without a cgroup", () => {
  test.each([
    [{ limits: { memoryBytes: 1 } }, "there can be no limits without a cgroup"],
    [{ limits: { blockIo: { weight: 10 } } }, "there can be no limits"],
    [{ cgroupParent: "/a" }, "cgroups disabled and a cgroup parent"],
    [{ namespaces: { cgroup: "host" } }, "no cgroup namespace of the host's"],
    [{ namespaces: { pid: "host" } }, "its processes are found by that"],
    [{ namespaces: { pid: { container: "x" } } }, "its processes are found by that"],
    [{ writableCgroups: true }, "no writable cgroups"],
    [{ systemd: "always" }, "systemd has nothing to manage"],
    [{ capabilities: { add: ["mknod"] } }, "can't have CAP_MKNOD"],
    [{ capabilities: { add: ["CAP_MKNOD"] } }, "can't have CAP_MKNOD"],
  ] as const)("refuses %j", (spec, sentence) => {
    expect(() => check(spec)).toThrow(sentence);
    expect(() => checkCgroupMode({ image: "i", ...spec })).not.toThrow();
  });

  test("lets others be", () => {
    check({ limits: { memoryBytes: 0 }, namespaces: { cgroup: "private", pid: "private" } });
    check({ privileged: true, capabilities: { add: ["MKNOD"] } });
  });

  test("takes devices away that nothing else would keep it from", () => {
    expect(isWithoutDeviceList({ image: "i", cgroups: "disabled" })).toBe(true);
    expect(isWithoutDeviceList({ image: "i", cgroups: "disabled", privileged: true })).toBe(false);
    expect(isWithoutDeviceList({ image: "i", cgroups: "split" })).toBe(false);
    const mounts = planMounts({
      privileged: false,
      files: { "/etc/hosts": "/h" },
      nodev: true,
      cgroups: "absent",
      mounts: [
        { kind: "bind", source: "/srv", target: "/a" },
        { kind: "bind", source: "/dev/fuse", target: "/b" },
        { kind: "volume", name: "v", target: "/c" },
        { kind: "image", image: "x", target: "/d" },
      ],
    });
    const has = (target: string): boolean | undefined =>
      mounts.find(({ destination }) => destination === target)?.options?.includes("nodev");
    expect(["/a", "/b", "/c", "/d"].map(has)).toEqual([true, false, true, true]);
    expect(mounts.some(({ type }) => type === "cgroup")).toBe(false);
  });
});
