import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { detectCgroups, findController } from "../../src/linux/cgroup/layout.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { type Finished, Installation, isRoot } from "../support/tare.ts";

/** Words of TARE_WITHOUT with another way; see docs/reference/kernel-features.md. */
const words = [
  "cgroup.kill",
  "clone-into-cgroup",
  "detached-composition",
  "detached-lowers",
  "lowerdir+",
  "memfd-exec",
  "pidfd-namespaces",
  "swap-accounting",
  // A host with version 2 alone has nothing left without it.
  ...(detectCgroups().v1.length > 0 ? ["cgroup1", "cgroup2"] : []),
];

describe.skipIf(!isRoot)("a kernel without", () => {
  let tare: Installation;
  beforeEach(() => {
    tare = new Installation();
  });
  afterEach(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** A daemon for which the words are absent. */
  const without = async (list: string): Promise<void> => {
    await tare.must(["load", "-qi", busyboxArchive()], { env: { TARE_WITHOUT: list } });
    expect(readFileSync(`/proc/${tare.daemonPid()}/environ`, "latin1")).toContain(`TARE_WITHOUT=${list}\0`);
  };

  test.each([...words, words.filter((word) => !word.startsWith("cgroup")).join(",")])(
    "%s: containers live, with a user namespace and without",
    async (list) => {
      await without(list);
      for (const flags of [[], ["--userns", "private"]]) {
        const script = "trap 'exit 3' TERM; echo begun; while :; do sleep 0.05; done";
        const schema = ["--init", "-m", "64m", "-v", "data:/data", ...flags];
        await tare.must(["run", "-d", "--name", "one", ...schema, "busybox", "sh", "-c", script]);
        await tare.must(["exec", "one", "sh", "-c", "echo kept > /data/file && touch /made"]);
        expect(await tare.must(["exec", "one", "cat", "/data/file"])).toBe("kept");
        await poll(async () => ((await tare.must(["logs", "one"])) === "begun" ? true : undefined), {
          timeoutMs: 10_000,
          what: "see its first line in the log",
        });
        // The daemon that comes after it finds all of it.
        await tare.must(["daemon", "stop"]);
        await tare.must(["version"], { env: { TARE_WITHOUT: list } });
        expect(await tare.must(["diff", "one"])).toContain("A /made");
        await tare.must(["stop", "one"]);
        expect(await tare.must(["wait", "one"])).toBe("3");
        await tare.must(["start", "one"]);
        await tare.must(["rm", "-f", "one"]);
      }
      await tare.must(["volume", "rm", "data"]);
      await tare.must(["system", "settle"]);
      expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    },
  );

  test("swap-accounting: memory is limited without swap, and that is said", async () => {
    await without("swap-accounting");
    const run = ["run", "-d", "--name", "limited", "-m", "64m", "busybox", "sleep", "1000"];
    const { status, stderr }: Finished = await tare.tare(run);
    expect([status, stderr]).toEqual([
      0,
      "WARNING: Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.\n",
    ]);
    const memory = findController(detectCgroups(), "memory");
    const files =
      memory?.version === 2
        ? ["memory.max", "memory.swap.max"]
        : ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"];
    const id = await tare.must(["inspect", "-f", "{{.Id}}", "limited"]);
    const [limit, swap] = files
      .map((file) => join(memory?.mountPath ?? "", tare.cgroupParent(), id, file))
      .map((path) => (existsSync(path) ? readFileSync(path, "utf8").trim() : undefined));
    expect(limit).toBe(String(64 << 20));
    expect(swap).not.toBe(String(memory?.version === 2 ? 64 << 20 : 128 << 20));
    await tare.must(["rm", "-f", "limited"]);
  });

  test("detached-composition: a joined IPC namespace has a /dev/shm of its own, cp sees the root file system alone", async () => {
    await without("detached-composition");
    await tare.must(["run", "-d", "--name", "peer", "--ipc", "shareable", "busybox", "sleep", "1000"]);
    await tare.must(["exec", "peer", "touch", "/dev/shm/theirs"]);
    const look = [
      "sh",
      "-c",
      "readlink /proc/self/ns/ipc; ls /dev/shm; df -k /dev/shm | tail -1 | cut -d ' ' -f 1",
    ];
    expect(await tare.must(["run", "--rm", "--ipc", "container:peer", "busybox", ...look])).toBe(
      `${await tare.must(["exec", "peer", "readlink", "/proc/self/ns/ipc"])}\nshm`,
    );
    await tare.must(["create", "--name", "still", "-v", "seen:/seen", "busybox"]);
    await tare.must(["run", "--rm", "-v", "seen:/seen", "busybox", "touch", "/seen/file"]);
    expect((await tare.tare(["cp", "still:/seen/file", "-"])).stderr).toContain(
      "Could not find the file /seen/file",
    );
    await tare.must(["rm", "-f", "peer", "still"]);
    await tare.must(["volume", "rm", "seen"]);
  });
});
