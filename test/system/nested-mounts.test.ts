import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeMount } from "../../src/spec/runtime-config.ts";
import { guardLeaks } from "../support/leaks.ts";
import { TestRuntime } from "../support/runtime.ts";

describe("mounts in mounts", () => {
  const runtime = new TestRuntime("nested");
  afterAll(() => runtime[Symbol.asyncDispose]());
  const host = (name: string, content: string): string => {
    const path = runtime.scratch.join(name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "content"), content);
    return path;
  };
  const bind = (source: string, destination: string): RuntimeMount => ({
    destination,
    source,
    type: "bind",
    options: ["bind"],
  });
  const tmpfs = (destination: string): RuntimeMount => ({
    destination,
    type: "tmpfs",
    options: ["mode=755"],
  });
  const run = async (mounts: readonly RuntimeMount[], script: string, rootPath?: string): Promise<string> => {
    await using _leaks = guardLeaks({ cgroupParent: runtime.cgroupParent, directories: [runtime.runRoot] });
    const options = { mounts, ...(rootPath === undefined ? {} : { rootPath }) };
    const { exit, stdout, stderr } = await runtime.run(["sh", "-c", script], options);
    expect({ exit: exit.end, stderr }).toEqual({ exit: { code: 0 }, stderr: "" });
    return stdout;
  };

  test("a tmpfs holds directories and files of the host, at several depths, and another one over the first", async () => {
    const [first, second] = [host("first", "1"), host("second", "2")];
    const mounts = [
      tmpfs("/scratch"),
      bind(first, "/scratch/directory"),
      bind(join(second, "content"), "/scratch/file"),
      bind(second, "/scratch/deep/er/directory"),
      tmpfs("/scratch/directory"),
      bind(join(first, "content"), "/scratch/directory/within"),
    ];
    const script =
      "cat /scratch/file /scratch/deep/er/directory/content /scratch/directory/within; ls /scratch /scratch/directory";
    expect(await run(mounts, script)).toBe(
      "221/scratch:\ndeep\ndirectory\nfile\n\n/scratch/directory:\nwithin\n",
    );
  });

  test("what is mounted over a tmpfs has what is mounted below from then on", async () => {
    const [over, inner] = [host("over", "over"), host("inner", "inner")];
    const mounts = [tmpfs("/scratch"), bind(over, "/scratch"), bind(inner, "/scratch/below")];
    expect(await run(mounts, "cat /scratch/content /scratch/below/content")).toBe("overinner");
  });

  test("a link of the image can't lead a volume over the container's own /dev, where its devices are made", async () => {
    const rootPath = runtime.makeRoot();
    symlinkSync("/dev", join(rootPath, "to-dev"));
    const mounts = [bind(host("volume", "of the host"), "/to-dev")];
    await expect(runtime.run(["true"], { mounts, rootPath })).rejects.toThrow(
      'cannot mount at "/to-dev": a symbolic link leads it into /proc, /sys or /dev, which no other mount may cover',
    );
  });
});
