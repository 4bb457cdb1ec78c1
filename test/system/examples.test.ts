import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/build-once.ts";
import { busyboxArchive } from "../support/images.ts";
import { findNode24 } from "../support/node-24.ts";
import { Installation, isRoot, mountTable, repository } from "../support/tare.ts";

const node = isRoot ? findNode24() : undefined;
if (node === undefined) console.log("skipped on Node: there is no Node 24 here (TARE_NODE24 names one)");

/** How a runtime runs an example: from the sources with Bun, from the compiled library with Node. */
const runtimes: Readonly<Record<string, readonly string[]>> = {
  Bun: [process.execPath, "--conditions=tare-source"],
  Node: [node ?? "node", "--disable-warning=ExperimentalWarning"],
};

for (const [name, [program = "", ...flags]] of Object.entries(runtimes)) {
  describe.skipIf(!isRoot || (name === "Node" && node === undefined))(`examples on ${name}`, () => {
    let directory = "";
    let host = "";
    const begin = (example: string): ChildProcess & { output: string } => {
      const child = spawn(program, [...flags, join(repository, "examples", example)], {
        cwd: directory,
        stdio: ["ignore", "pipe", "inherit"],
        env: { PATH: process.env["PATH"] ?? "", HOME: directory, TARE_HOST: host },
      });
      const begun = Object.assign(child, { output: "" });
      child.stdout?.on("data", (chunk: Buffer) => {
        begun.output += chunk.toString();
      });
      return begun;
    };
    const run = async (example: string): Promise<{ status: number | null; output: string }> => {
      const child = begin(example);
      const { promise, resolve } = Promise.withResolvers<number | null>();
      child.on("close", resolve);
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      const status = await promise;
      clearTimeout(timer);
      return { status, output: child.output };
    };

    beforeAll(() => {
      if (name === "Node") buildOnce("lib");
      directory = realpathSync(mkdtempSync(join(tmpdir(), "tare-examples-")));
      copyFileSync(busyboxArchive(), join(directory, "busybox.tar"));
    }, 600_000);
    afterAll(() => {
      const left = keepersOf(directory);
      removeCgroups(join(directory, "tare-example/data"));
      rmSync(directory, { recursive: true, force: true });
      expect(left).toEqual([]);
      expect(ourMounts(directory)).toEqual([]);
    });

    test("run.ts loads, runs, reads a line, stops and removes", async () => {
      const { status, output } = await run("run.ts");
      expect(output).toMatch(
        /^loaded busybox:latest\nstarted in [\d.]+ ms\nsays .* 20\d\d\napples\npears\n\n$/,
      );
      expect(status).toBe(0);
      expect(readdirSync(join(directory, "tare-example/data/storage/overlay/snapshots"))).toEqual([]);
    });

    test("attach.ts feeds a program and reads all that it says", async () => {
      expect(await run("attach.ts")).toEqual({
        status: 0,
        output: "apples\npears\nplums\nended with 0\n",
      });
    });

    if (name === "Node") {
      test("the compiled library's declarations fit the examples", () => {
        const examples = readdirSync(join(repository, "examples")).map((file) => `examples/${file}`);
        const options = "--noEmit --ignoreConfig --strict --module nodenext --target esnext --types node";
        const checked = spawnSync("node_modules/typescript-7/bin/tsc", [...options.split(" "), ...examples], {
          cwd: repository,
          encoding: "utf8",
        });
        expect(checked.stdout).toBe("");
        expect(checked.status).toBe(0);
      });
    }

    test("connect.ts runs a container in a daemon", async () => {
      await using installation = new Installation();
      await installation.must(["version"]); // starts it
      host = `unix://${installation.socket}`;
      const { status, output } = await run("connect.ts");
      expect(output).toStartWith("Hello from inside a container.");
      expect(output).toEndWith("\nended with 0\n");
      expect(status).toBe(0);
      expect(await installation.must(["ps", "-aq"])).toBe("");
    });

    test("lifetime.ts takes its container along when it is killed", async () => {
      const child = begin("lifetime.ts");
      const pid = await until(() => /^running as process (\d+)\n/.exec(child.output)?.[1]);
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      child.kill("SIGKILL");
      await until(() => isGone(Number(pid)) || undefined);
      await until(() => keepersOf(directory).length === 0 || undefined);
      // The next engine on these roots finds out and carries out the removal that was asked for.
      expect((await run("run.ts")).status).toBe(0);
      await until(
        () => readdirSync(join(directory, "tare-example/data/containers")).length === 0 || undefined,
      );
    });
  });
}

async function until<T>(find: () => T | undefined, withinMs = 10_000): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end; await Bun.sleep(10)) {
    const found = find();
    if (found !== undefined) return found;
  }
  throw new Error(`did not come within ${withinMs} ms: ${find.toString()}`);
}

/** Ended, if not yet waited for. */
function isGone(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
}

/** Keepers of containers that have a directory here. */
function keepersOf(directory: string): number[] {
  const containers = join(directory, "tare-example/data/containers");
  const known = new Set(existsSync(containers) ? readdirSync(containers) : []);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const [name, id = ""] = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
        return name === "tare-keeper" && known.has(id);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** On the host's mount table; other programs may mount theirs meanwhile. */
function ourMounts(directory: string): string[] {
  const isOurs = (line: string): boolean =>
    line.includes(directory) || line.includes("upperdir=/proc/self/fd/");
  return mountTable().split("\n").filter(isOurs);
}

function removeCgroups(dataRoot: string): void {
  if (!existsSync(dataRoot)) return;
  const hash = createHash("sha256").update(realpathSync(dataRoot)).digest("hex").slice(0, 8);
  const roots = ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
  for (const root of roots) {
    const parent = join(root, `tare-${hash}`);
    if (!existsSync(parent)) continue;
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      if (entry.isDirectory()) spawnSync("rmdir", [join(parent, entry.name)]);
    }
    spawnSync("rmdir", [parent]);
  }
}
