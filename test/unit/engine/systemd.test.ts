import { describe, expect, test } from "bun:test";
import { resolveSystemd } from "../../../src/engine/resolve/systemd.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import type { ContainerMount } from "../../../src/model/mounts.ts";

const id = "0123456789abcdef".repeat(4);
const plan = (spec: Partial<ContainerSpec>, command: string, mounts: readonly ContainerMount[] = []) =>
  resolveSystemd(id, { image: "i", ...spec }, { args: [command], mounts });

describe("resolveSystemd()", () => {
  test.each([
    [undefined, "/sbin/init", false],
    ["auto", "/sbin/init", true],
    ["auto", "/usr/local/sbin/init", true],
    ["auto", "/usr/lib/systemd/systemd", true],
    ["auto", "systemd", true],
    ["auto", "/bin/sh", false],
    ["auto", "/bin/init", false],
    ["auto", "/usr/bin/not-systemd", false],
    ["always", "/bin/sh", true],
  ] as const)("%p with %s: %p", (systemd, command, isSystemd) => {
    const mode = plan(systemd === undefined ? {} : { process: { systemd } }, command);
    expect(mode !== undefined).toBe(isSystemd);
  });

  test("mounts what systemd writes to, unless something else is there", () => {
    const mounts = plan({ process: { systemd: "always", systemdTmpfsBytes: 4096 } }, "x", [
      { kind: "tmpfs", target: "/run//lock" },
    ])?.mounts;
    expect(mounts).toEqual([
      { kind: "tmpfs", target: "/run", options: "exec,mode=755,size=4096" },
      { kind: "tmpfs", target: "/tmp", options: "exec,mode=1777,size=4096" },
      { kind: "tmpfs", target: "/var/log/journal", options: "exec,mode=755,size=4096" },
    ]);
  });

  test("has podman's size, none for 0, and refuses others", () => {
    expect(plan({ process: { systemd: "always" } }, "x")?.mounts[0]).toMatchObject({
      options: "exec,mode=755,size=67108864",
    });
    expect(plan({ process: { systemd: "always", systemdTmpfsBytes: 0 } }, "x")?.mounts[0]).toMatchObject({
      options: "exec,mode=755",
    });
    expect(() => plan({ process: { systemd: "always", systemdTmpfsBytes: -1 } }, "x")).toThrow(
      "invalid size of systemd's",
    );
  });

  test("tells systemd where it is, and how it is stopped", () => {
    expect(plan({ process: { systemd: "always" } }, "x")).toMatchObject({
      env: ["container=tare", `container_uuid=${id.slice(0, 32)}`],
      stopSignal: "SIGRTMIN+3",
    });
  });
});
