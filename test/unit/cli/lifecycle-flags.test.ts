import { describe, expect, test } from "bun:test";
import { parseNotify } from "../../../src/cli/container/flags/lifecycle-flags.ts";
import { platformOf } from "../../../src/cli/container/run/platform-of.ts";

const noPlatform = { platform: "", os: "", arch: "", variant: "" };

describe("platformOf()", () => {
  test.each([
    [{}, ""],
    [{ platform: "linux/arm64" }, "linux/arm64"],
    [{ arch: "arm64" }, "linux/arm64"],
    [{ os: "linux" }, "linux/amd64"],
    [{ arch: "arm", variant: "v7" }, "linux/arm/v7"],
  ])("%j is %j", (some, platform) => {
    expect(platformOf({ ...noPlatform, ...some }, "amd64")).toBe(platform);
  });

  test("refuses both at once", () => {
    expect(() => platformOf({ ...noPlatform, arch: "arm", platform: "linux/arm" }, "amd64")).toThrow(
      "cannot be used with",
    );
  });
});

describe("parseNotify()", () => {
  test("binds the socket that systemd waits at, where it does", () => {
    const asked = { sdnotify: "container" };
    expect(parseNotify(asked, { NOTIFY_SOCKET: "/run/s" })).toEqual({
      env: ["NOTIFY_SOCKET=/run/notify/notify.sock"],
      mounts: [{ Type: "bind", Source: "/run/s", Target: "/run/notify/notify.sock" }],
    });
    expect(parseNotify(asked, {})).toEqual({ env: [], mounts: [] });
    expect(parseNotify({ sdnotify: "ignore" }, { NOTIFY_SOCKET: "/run/s" })).toEqual({
      env: [],
      mounts: [],
    });
    expect(parseNotify({ sdnotify: "" }, { NOTIFY_SOCKET: "/run/s" })).toEqual({ env: [], mounts: [] });
    expect(() => parseNotify(asked, { NOTIFY_SOCKET: "@abstract" })).toThrow("it has no path");
  });
});
