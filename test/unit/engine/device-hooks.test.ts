import { describe, expect, test } from "bun:test";
import { resolveHooks } from "../../../src/engine/resolve/device-hooks.ts";

const hook = (...words: readonly string[]) => ({
  path: "/etc/cdi/a.json",
  hook: {
    hookName: "createContainer",
    path: "/usr/bin/nvidia-cdi-hook",
    args: ["nvidia-cdi-hook", ...words],
  },
});

describe("resolveHooks()", () => {
  test("applies what NVIDIA's toolkit generates", () => {
    const links = [
      "--link",
      "libcuda.so.1::/usr/lib/libcuda.so",
      "--link=../card1::/dev/dri/by-path/pci-1-card",
    ];
    const ctk = {
      path: "/etc/cdi/a.json",
      hook: {
        hookName: "createContainer",
        path: "/usr/bin/nvidia-ctk",
        args: ["nvidia-ctk", "hook", "update-ldcache", "--folder", "/usr/lib64"],
      },
    };
    expect(
      resolveHooks([
        hook("create-symlinks", ...links),
        hook("create-symlinks", "--link", "libcuda.so.1::/usr/lib//libcuda.so"),
        hook("chmod", "--mode", "755", "--path", "/dev/dri", "--path", "/dev/nvidia-caps"),
        hook("update-ldcache", "--ldconfig-path", "@/sbin/ldconfig", "--folder", "/usr/lib/x86_64-linux-gnu"),
        ctk,
        hook("enable-cuda-compat", "--host-driver-version=999.88.77"),
        hook("disable-device-node-modification"),
      ]),
    ).toEqual({
      links: [
        { path: "/usr/lib/libcuda.so", target: "libcuda.so.1" },
        { path: "/dev/dri/by-path/pci-1-card", target: "../card1" },
      ],
      modes: [
        { path: "/dev/dri", mode: 0o755 },
        { path: "/dev/nvidia-caps", mode: 0o755 },
      ],
      libraryFolders: ["/usr/lib/x86_64-linux-gnu", "/usr/lib64"],
    });
  });

  test.each([
    [hook("unknown")],
    [hook()],
    [hook("create-symlinks", "--link", "a")],
    [hook("create-symlinks", "--link", "a::/b::c")],
    [hook("create-symlinks", "--link")],
    [hook("create-symlinks", "--other", "a::/b")],
    [hook("create-symlinks", "a::/b")],
    [hook("chmod", "--path", "/dev/dri")],
    [hook("chmod", "--mode", "u+x", "--path", "/dev/dri")],
    [hook("chmod", "--mode", "755", "--mode", "700", "--path", "/dev/dri")],
    [hook("update-ldcache", "--folder", "/a", "--container-spec", "/b")],
    [{ path: "/etc/cdi/a.json", hook: { ...hook("chmod").hook, hookName: "prestart" } }],
    [{ path: "/etc/cdi/a.json", hook: { ...hook("chmod").hook, path: "/bin/sh" } }],
  ])("%j is refused with its file and name", (each) => {
    expect(() => resolveHooks([each])).toThrow(
      expect.objectContaining({
        kind: "unsupported",
        message: expect.stringMatching(
          /^cannot use the CDI specification "\/etc\/cdi\/a.json": it has the \w+ hook "/,
        ),
      }),
    );
  });

  test.each([
    hook("create-symlinks", "--link", "/etc/shadow::/proc/sys/x"),
    hook("create-symlinks", "--link", "a::/usr/../sys/x"),
    hook("create-symlinks", "--link", "a::relative"),
    hook("create-symlinks", "--link", "a::/"),
    hook("chmod", "--mode", "777", "--path", "/proc/1"),
    hook("update-ldcache", "--folder", "/sys"),
  ])("%j is refused: nothing changes the kernel's files", (each) => {
    expect(() => resolveHooks([each])).toThrow("cannot use a CDI device: its hook changes");
  });
});
