import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kindOf, sentenceOf } from "../../src/base/failure.ts";
import type { Engine } from "../../src/model/engine.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { expectNothingLeft, killDaemon } from "../support/fault-run.ts";
import { busyboxArchive, tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { Installation, isRoot } from "../support/tare.ts";

const KiB = 1024;

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

describe.each(["tmpfs", "ext4"] as const)("a full disk (%s)", (kind) => {
  describe.skipIf(!isRoot)("of the data root", () => {
    let disk: SmallDisk;
    let tare: Installation;
    beforeAll(async () => {
      disk = new SmallDisk(kind, { mebibytes: 24 });
      tare = new Installation({ dataRoot: `${disk.path}/data` });
      await tare.must(["load", "-i", busyboxArchive()]);
    });
    afterAll(async () => {
      await tare[Symbol.asyncDispose]();
      disk[Symbol.dispose]();
    });

    afterEach(() => disk.empty());

    async function connected(work: (engine: Engine) => Promise<void>): Promise<void> {
      await tare.must(["version"]);
      await using engine = await connectTo(`unix://${tare.socket}`);
      await work(engine);
    }

    /** What each fails with is one sentence that says why. */
    async function attempt(work: () => Promise<unknown>): Promise<boolean> {
      try {
        await work();
        return true;
      } catch (thrown) {
        const sentence = sentenceOf(thrown);
        if (["not-found", "conflict"].includes(kindOf(thrown))) return false; // what it needs could not be made
        expect(sentence).toMatch(/is full|ENOSPC/);
        expect(sentence).toMatch(/^cannot /);
        expect(sentence).not.toContain("\n");
        return false;
      }
    }

    async function lifeOf(engine: Engine, name: string): Promise<void> {
      const { containers, images } = engine;
      await attempt(() =>
        containers.create({ image: "busybox", name, process: { command: ["sleep", "1000"] } }),
      );
      await attempt(() => containers.start(name));
      await attempt(async () => {
        const exec = await containers.createExec(name, { command: ["true"] });
        await containers.startExec(exec, { detach: true });
        await containers.waitExec(exec);
      });
      const archive = (): AsyncIterable<Uint8Array> => whole(tarOf([["x", `${name}${"y".repeat(50_000)}`]]));
      await attempt(() => containers.copyInto(name, "/root", { archive: archive() }));
      await attempt(() => containers.commit(name, { reference: name }));
      await attempt(() => images.import(archive(), { reference: `${name}-imported` }));
    }

    test("is said by everything that needs room, and nothing half-made stays, however much room there is", async () => {
      await connected(async (engine) => {
        for (let free = 0; free <= 240; free += 24) {
          disk.fill(free * KiB);
          const name = `with-${free}`;
          await lifeOf(engine, name);
          // This makes room, so it has to be possible.
          if (
            await engine.containers.inspect(name).then(
              () => true,
              () => false,
            )
          ) {
            await engine.containers.remove(name, { force: true });
          }
          await expectNothingLeft({ tare, engine });
          disk.empty();
        }
        await lifeOf(engine, "with-room");
        await engine.containers.remove("with-room", { force: true });
        expect((await engine.images.list()).length).toBeGreaterThan(2);
        for (const { id, references } of await engine.images.list()) {
          if (!references.includes("busybox:latest")) await engine.images.remove(id, { force: true });
        }
        await expectNothingLeft({ tare, engine });
      });
    });

    test("does not keep the daemon from starting, nor containers from being stopped and removed, many of them", async () => {
      await connected(async (engine) => {
        for (let i = 0; i < 12; i++) {
          const { id } = await engine.containers.create({
            image: "busybox",
            name: `held-${i}`,
            process: { command: ["sleep", "1000"] },
          });
          if (i % 2 === 0) await engine.containers.start(id);
        }
      });
      disk.fill(0);
      killDaemon(tare);
      await connected(async (engine) => {
        disk.fill(0);
        expect(await engine.containers.list()).toHaveLength(6);
        await engine.containers.stop("held-0", { graceMs: 0 });
        expect((await engine.containers.inspect("held-0")).state).toMatchObject({
          status: "exited",
          code: 137,
        });
        for (let i = 0; i < 12; i++) {
          await engine.containers.remove(`held-${i}`, { force: true });
          await engine.settle();
          disk.fill(0);
        }
        await expectNothingLeft({ tare, engine });
      });
      disk.empty();
      expect(await tare.must(["run", "--rm", "busybox", "echo", "well"])).toBe("well");
    });

    test("neither stops nor kills a container that writes; what its log lacks is counted in it", async () => {
      const line = "x".repeat(63);
      const script = `while [ ! -e /go ]; do echo ${line}; usleep 200; done; echo the end`;
      await tare.must(["run", "-d", "--name", "writer", "--tmpfs", "/tmp", "busybox", "sh", "-c", script]);
      const bytes = async (): Promise<number> => (await tare.must(["logs", "writer"])).length;
      disk.fill(0);
      // Its log stops growing when the last block is full.
      await poll(
        async () => {
          const before = await bytes();
          await Bun.sleep(100);
          return (await bytes()) === before ? true : undefined;
        },
        { timeoutMs: 20_000, what: "see the log stop growing" },
      );
      expect(await tare.must(["inspect", "--format", "{{.State.Status}}", "writer"])).toBe("running");
      disk.empty();
      // The program ends, and what else runs in its namespace with it, as soon as the file is there.
      await tare.tare(["exec", "writer", "touch", "/go"]);
      expect(await tare.must(["wait", "writer"])).toBe("0");
      const { stdout, stderr } = await tare.tare(["logs", "writer"]);
      expect(stdout).toEndWith("the end\n");
      expect(stderr).toMatch(/^(tare: \d+ bytes of output are missing here: the disk was full\n)+$/);
      const lost = [...stderr.matchAll(/(\d+) bytes/g)].reduce((sum, [, count]) => sum + Number(count), 0);
      // All that it wrote were whole lines: what is there and what is missing are, too.
      expect((Buffer.byteLength(stdout) - "the end\n".length + lost) % 64).toBe(0);
      await tare.must(["rm", "writer"]);
    });
  });
});

describe.skipIf(!isRoot)("a full run root", () => {
  test("is said, leaves nothing half-made, stops no container from ending, and works again", async () => {
    const tare = new Installation();
    const mounted = spawnSync("mount", [
      "-t",
      "tmpfs",
      "-o",
      "size=1m,nr_inodes=80,mode=0700",
      "none",
      tare.runRoot,
    ]);
    expect(mounted.status).toBe(0);
    const fillers: string[] = [];
    try {
      await tare.must(["load", "-i", busyboxArchive()]);
      await tare.must(["run", "-d", "--name", "there", "busybox", "sleep", "1000"]);
      const { bsize, bavail } = statfsSync(tare.runRoot);
      const filler = (name: string): string => {
        fillers.push(join(tare.runRoot, `filler-${name}`));
        return fillers.at(-1) as string;
      };
      for (const [kind, fill] of [
        ["bytes", () => writeFileSync(filler("bytes"), Buffer.alloc(bsize * bavail))],
        [
          "inodes",
          () => {
            // The daemon makes something beside: there is no number of them.
            const more = (): boolean => {
              try {
                writeFileSync(filler(`${fillers.length}`), "");
                return true;
              } catch {
                return false;
              }
            };
            while (more());
          },
        ],
      ] as const) {
        fill();
        let failed = 0;
        for (const args of [
          ["run", "--name", "new", "busybox", "true"],
          ["exec", "there", "true"],
          ["run", "--name", "other", "--userns", "private", "busybox", "true"],
        ]) {
          const { status, stderr } = await tare.tare(args);
          if (status === 0) continue;
          failed++;
          expect(stderr).toMatch(/^(?:tare: )?cannot .*(?:is full|ENOSPC)/);
          expect(stderr.trimEnd()).not.toContain("\n");
        }
        // What was prewarmed may be enough for the first.
        if (kind === "inodes") expect(failed).toBeGreaterThanOrEqual(2);
        await tare.tare(["rm", "-f", "new", "other"]);
        if (kind === "inodes") {
          await tare.must(["stop", "-t", "0", "there"]);
          expect(await tare.must(["wait", "there"])).toBe("137");
        }
        for (const path of fillers.splice(0)) rmSync(path, { force: true });
        await tare.must(["system", "settle"]);
        expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
      }
      await tare.must(["start", "there"]);
      expect(await tare.must(["exec", "there", "echo", "well"])).toBe("well");
    } finally {
      for (const path of fillers) rmSync(path, { force: true });
      await tare.tare(["rm", "-f", "there", "new", "other"]);
      await tare.tare(["daemon", "stop"]);
      await poll(() => (spawnSync("umount", [tare.runRoot]).status === 0 ? true : undefined), {
        timeoutMs: 10_000,
        what: "see the daemon leave the run root",
      });
      await tare[Symbol.asyncDispose]();
    }
  });
});

describe.skipIf(!isRoot)("a data root", () => {
  let disk: SmallDisk;
  let tare: Installation;
  beforeAll(async () => {
    disk = new SmallDisk("ext4", { mebibytes: 24 });
    tare = new Installation({ dataRoot: `${disk.path}/data` });
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    disk[Symbol.dispose]();
  });

  test("without free inodes is said, leaves nothing and works again", async () => {
    for (let free = 0; free <= 24; free += 4) {
      disk.fillInodes(free);
      const made = await tare.tare(["run", "-d", "--name", "inodes", "busybox", "sleep", "1000"]);
      if (made.status !== 0) {
        expect(made.stderr).toMatch(/^tare: cannot .*(is full|ENOSPC).*\n$/);
        expect(made.status).toBe(125);
      }
      await tare.tare(["rm", "-f", "inodes"]);
      await tare.must(["system", "settle"]);
      expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
      disk.empty();
    }
    expect(await tare.must(["run", "--rm", "busybox", "echo", "well"])).toBe("well");
  });

  test("that is read-only from the beginning is one sentence", async () => {
    await tare.must(["daemon", "stop"]);
    await disk.becomeReadOnly();
    const { status, stderr } = await tare.tare(["ps"]);
    disk.becomeWritable();
    expect(stderr).toMatch(
      /^tare: cannot start the daemon: cannot open the data root .*read-only file system.*\n$/i,
    );
    expect(status).toBe(1);
  });

  test("that becomes read-only is said by what has to write; what only reads goes on", async () => {
    await tare.must(["create", "--name", "kept", "busybox", "true"]);
    disk.freeze();
    for (const args of [
      ["create", "busybox", "true"],
      ["rename", "kept", "other"],
      ["rm", "kept"],
      ["tag", "busybox", "other"],
    ]) {
      const { status, stderr } = await tare.tare(args);
      expect(stderr).toMatch(/^tare: cannot .*(read-only|the disk of ".*" fails).*\n$/i);
      expect(status).toBe(1);
    }
    expect(await tare.must(["ps", "-a", "--format", "{{.Names}}"])).toBe("kept");
    await tare.must(["daemon", "stop"]);
    await disk.renew();
    // Images survive that as a power loss; containers need not.
    expect(await tare.must(["run", "--rm", "busybox", "echo", "well"])).toBe("well");
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });
});
