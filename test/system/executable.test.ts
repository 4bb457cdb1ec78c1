import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { buildExecutable, executable, Installation, isRoot } from "../support/tare.ts";

describe("the executable", () => {
  let directory: string;

  beforeAll(() => {
    buildExecutable();
    directory = mkdtempSync(join(tmpdir(), "tare-executable-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("has its code in the file where it is in memory, within 2 MB, so that large pages can map it", () => {
    const elf = Buffer.alloc(4096);
    const file = openSync(executable, "r");
    readSync(file, elf, 0, elf.length, 0);
    closeSync(file);
    // SPEC: elf(5): e_phoff, e_phentsize, e_phnum; p_type PT_LOAD, p_flags PF_X.
    const headers = Array.from(
      { length: elf.readUInt16LE(0x38) },
      (_, i) => Number(elf.readBigUInt64LE(0x20)) + i * elf.readUInt16LE(0x36),
    );
    const code = headers.filter((at) => elf.readUInt32LE(at) === 1 && (elf.readUInt32LE(at + 4) & 1) === 1);
    expect(code).toHaveLength(1);
    const [offset = 0n, address = 0n, align = 1n] = code.flatMap((at) =>
      [8, 16, 48].map((field) => elf.readBigUInt64LE(at + field)),
    );
    const away = (address - offset) % 0x200000n;
    // Where the linker wants more than a page, it can't be moved by less.
    expect(away % align === 0n ? away : 0n).toBe(0n);
  });

  test("takes nothing from the directory it is started in", () => {
    writeFileSync(join(directory, ".env"), "TARE_HOST=unix:///tmp/of-a-stranger.sock\n");
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(directory, "evil.ts"), 'console.log("EVIL");\n');
    writeFileSync(join(directory, "package.json"), '{"imports": {"#x": "./evil.ts"}, "name": "tare"}\n');
    writeFileSync(join(directory, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}\n');
    const env = { PATH: process.env["PATH"] ?? "", HOME: directory };
    const options = { cwd: directory, env, encoding: "utf8" } as const;
    const asked = spawnSync(executable, ["--version"], options);
    expect(asked.stdout).toMatch(/^Tare version \d+\.\d+\.\d+, build [0-9a-f]{12}\n$/);
    const listed = spawnSync(
      executable,
      ["--run-root", join(directory, "none"), "-H", "tcp://127.0.0.1:1", "ps"],
      options,
    );
    expect(listed.stdout + listed.stderr).not.toMatch(/EVIL|stranger/);
    expect(listed.status).toBe(1);
  });
});

describe.skipIf(!isRoot)("hosts that forbid execution in places", () => {
  let tare: Installation;
  beforeEach(() => {
    tare = new Installation();
  });
  afterEach(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** What shows that a start works, an exec, and an init that is the keeper's program. */
  const life = async (): Promise<string> => {
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--init", "--name", "one", "busybox", "sleep", "1000"]);
    const said = await tare.must(["exec", "one", "echo", "well"]);
    await tare.must(["rm", "-f", "one"]);
    await tare.must(["daemon", "stop"]);
    return said;
  };

  test.each(["", "memfd-exec"])(
    "a run root on a file system without execution, without %p",
    async (without) => {
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "noexec,mode=0700", "none", tare.runRoot]);
      expect(mounted.status).toBe(0);
      try {
        await tare.must(["version"], { env: { TARE_WITHOUT: without } });
        expect(await life()).toBe("well");
      } finally {
        const unmount = (): true | undefined =>
          spawnSync("umount", [tare.runRoot]).status === 0 ? true : undefined;
        await poll(unmount, { timeoutMs: 10_000, what: "see the daemon leave the run root" });
      }
    },
  );

  test("vm.memfd_noexec=2: no executable memory files, and nobody can write to what is used in their place", async () => {
    // The sysctl belongs to a pid namespace: all of Tare lives in one here.
    const script = `
      echo 2 > /proc/sys/vm/memfd_noexec || exit 77
      tare() { ${executable} ${tare.globalFlags.join(" ")} "$@"; }
      tare load -qi ${busyboxArchive()} && tare run -d --init --name one busybox sleep 1000 > /dev/null || exit 1
      tare exec one sh -c 'echo x >> /proc/1/exe' && exit 2
      tare exec one sh -c 'echo well; readlink /proc/1/exe'
      tare rm -f one > /dev/null; tare daemon stop`;
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script],
      { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "" } },
    );
    if (status === 77) return; // a kernel older than 6.3
    expect(stderr).toMatch(/Text file busy|Read-only file system/);
    expect(stdout).toEndWith("well\n/\n"); // a mount of nothing but the file: no memory file
    expect(status).toBe(0);
  });
});
