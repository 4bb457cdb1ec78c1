import { describe, expect, test } from "bun:test";
import { checkCgroupMode, isWithoutDeviceList } from "../../../src/engine/resolve/cgroup-mode.ts";
import { resolveMounts } from "../../../src/engine/resolve/mounts.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";

const check = (spec: Partial<ContainerSpec>): void =>
  checkCgroupMode({ image: "i", ...spec, resources: { cgroups: "disabled", ...spec.resources } });

describe("checkCgroupMode() of a container without a cgroup", () => {
  test.each([
    [{ resources: { limits: { memoryBytes: 1 } } }, "there can be no limits without a cgroup"],
    [{ resources: { limits: { blockIo: { weight: 10 } } } }, "there can be no limits"],
    [{ resources: { cgroupParent: "/a" } }, "cgroups disabled and a cgroup parent"],
    [{ isolation: { namespaces: { cgroup: "host" } } }, "no cgroup namespace of the host's"],
    [{ isolation: { namespaces: { pid: "host" } } }, "its processes are found by that"],
    [{ isolation: { namespaces: { pid: { container: "x" } } } }, "its processes are found by that"],
    [{ isolation: { writableCgroups: true } }, "no writable cgroups"],
    [{ process: { systemd: "always" } }, "systemd has nothing to manage"],
    [{ isolation: { capabilities: { add: ["mknod"] } } }, "can't have CAP_MKNOD"],
    [{ isolation: { capabilities: { add: ["CAP_MKNOD"] } } }, "can't have CAP_MKNOD"],
  ] as const)("refuses %j", (spec, sentence) => {
    expect(() => check(spec)).toThrow(sentence);
    expect(() => checkCgroupMode({ image: "i", ...spec })).not.toThrow();
  });

  test("lets others be", () => {
    check({
      resources: { limits: { memoryBytes: 0 } },
      isolation: { namespaces: { cgroup: "private", pid: "private" } },
    });
    check({ isolation: { privileged: true, capabilities: { add: ["MKNOD"] } } });
  });

  test("takes devices away that nothing else would keep it from", () => {
    expect(isWithoutDeviceList({ image: "i", resources: { cgroups: "disabled" } })).toBe(true);
    expect(
      isWithoutDeviceList({
        image: "i",
        resources: { cgroups: "disabled" },
        isolation: { privileged: true },
      }),
    ).toBe(false);
    expect(isWithoutDeviceList({ image: "i", resources: { cgroups: "split" } })).toBe(false);
    const mounts = resolveMounts({
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
      injected: [{ destination: "/e", type: "bind", source: "/opt", options: ["rbind", "ro"] }],
    });
    const has = (target: string): boolean | undefined =>
      mounts.find(({ destination }) => destination === target)?.options?.includes("nodev");
    expect(["/a", "/b", "/c", "/d", "/e"].map(has)).toEqual([true, false, true, true, true]);
    expect(mounts.some(({ type }) => type === "cgroup")).toBe(false);
  });
});
