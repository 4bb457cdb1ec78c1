import { describe, expect, test } from "bun:test";
import { planNotify, planPodmanFields, podmanFlags } from "../../../src/cli/container/flags/podman-flags.ts";
import { platformOf } from "../../../src/cli/container/run/platform-of.ts";
import type { PodmanValues } from "../../../src/cli/container/flags/podman-flags.ts";

const nothing = Object.fromEntries(
  Object.entries(podmanFlags).map(([name, flag]) => [name, flag.initial]),
) as unknown as PodmanValues;
const values = (some: Partial<PodmanValues>) => ({ ...nothing, ...some });

test("planPodmanFields() asks for what is said", () => {
  expect(planPodmanFields(nothing)).toEqual({});
  expect(
    planPodmanFields(
      values({
        requires: ["a,b", "c"],
        chrootdirs: ["/a,/b"],
        timeout: 3,
        hostuser: ["me"],
        "env-merge": ["A=$B"],
        "image-volume": "bind",
        "passwd-entry": "p",
        "group-entry": "g",
        "hosts-file": "image",
        secret: [{ Source: "s" }],
      }),
    ),
  ).toEqual({
    Requires: ["a", "b", "c"],
    ChrootDirs: ["/a", "/b"],
    TimeoutSeconds: 3,
    HostUsers: ["me"],
    EnvMerge: ["A=$B"],
    ImageVolumes: "anonymous",
    PasswdEntry: "p",
    GroupEntry: "g",
    HostsFile: "image",
    Secrets: [{ Source: "s" }],
  });
  expect(() => planPodmanFields(values({ timeout: -1 }))).toThrow("--timeout: must not be negative");
});

describe("platformOf()", () => {
  test.each([
    [{}, ""],
    [{ platform: "linux/arm64" }, "linux/arm64"],
    [{ arch: "arm64" }, "linux/arm64"],
    [{ os: "linux" }, "linux/amd64"],
    [{ arch: "arm", variant: "v7" }, "linux/arm/v7"],
  ])("%j is %j", (some, platform) => {
    expect(platformOf({ platform: "", ...values({}), ...some }, "amd64")).toBe(platform);
  });

  test("refuses both at once", () => {
    expect(() => platformOf({ ...values({ arch: "arm" }), platform: "linux/arm" }, "amd64")).toThrow(
      "goes with no",
    );
  });
});

describe("planNotify()", () => {
  test("binds the socket that systemd waits at, where it does", () => {
    const asked = values({ sdnotify: "container" });
    expect(planNotify(asked, { NOTIFY_SOCKET: "/run/s" })).toEqual({
      env: ["NOTIFY_SOCKET=/run/notify/notify.sock"],
      mounts: [{ Type: "bind", Source: "/run/s", Target: "/run/notify/notify.sock" }],
    });
    expect(planNotify(asked, {})).toEqual({ env: [], mounts: [] });
    expect(planNotify(values({ sdnotify: "ignore" }), { NOTIFY_SOCKET: "/run/s" })).toEqual({
      env: [],
      mounts: [],
    });
    expect(planNotify(values({}), { NOTIFY_SOCKET: "/run/s" })).toEqual({ env: [], mounts: [] });
    expect(() => planNotify(asked, { NOTIFY_SOCKET: "@abstract" })).toThrow("it has no path");
  });
});
