import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { sleep } from "../../src/base/deadline.ts";
import type { Engine } from "../../src/model/engine.ts";
import type { ContainerSpec } from "../../src/model/container-spec.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { collect, EngineRoots, logText, runToEnd } from "../support/engine.ts";
import { splitFrames } from "../../src/library/split-frames.ts";
import { asId } from "../support/ids.ts";

let roots: EngineRoots;
let engine: Engine;

beforeAll(async () => {
  roots = new EngineRoots("engine");
  engine = await roots.openWithBusybox();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await roots[Symbol.asyncDispose]();
});

const sh = (script: string): readonly string[] => ["sh", "-c", script];

async function started(spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await engine.containers.create({
    image: "busybox",
    ...spec,
    process: { command: sh("sleep 1000"), ...spec.process },
  });
  await engine.containers.start(id);
  return id;
}

describe("LocalContainers", () => {
  test("what a start needed is not kept while the container runs", async () => {
    const arrays = async (): Promise<number> => {
      await sleep(200); // a start is followed by preparations for the next one
      Bun.gc(true);
      return heapStats().objectTypeCounts["Array"] ?? 0;
    };
    const ids = [await started()];
    const before = await arrays();
    for (let count = 0; count < 20; count++) ids.push(await started());
    // A plan of the keeper has 500 calls, each with its arguments.
    expect(((await arrays()) - before) / 20).toBeLessThan(100);
    await Promise.all(ids.map((id) => engine.containers.remove(id, { force: true })));
  });

  test("start() runs the image's hello from the embedded program", async () => {
    const { stdout, status } = await runToEnd(engine, {
      image: "hello",
      network: { hostname: "greeting" },
      lifecycle: { autoRemove: true },
    });
    expect(status.code).toBe(0);
    expect(stdout).toContain("greeting");
    expect((await engine.images.list()).flatMap((image) => image.references)).toContain("hello:latest");
  });

  test("start() gives each stream its bytes, the code, and the same in the log", async () => {
    const { id, stdout, stderr, status } = await runToEnd(engine, {
      process: { command: sh("echo out; echo err >&2; exit 7") },
    });
    expect({ stdout, stderr, code: status.code }).toEqual({ stdout: "out\n", stderr: "err\n", code: 7 });
    expect((await logText(engine, id)).split("\n").sort()).toEqual(["", "err", "out"]);
    const { state } = await engine.containers.inspect(id);
    expect(state).toMatchObject({ status: "exited", code: 7, oomKilled: false });
    await engine.containers.remove(id);
  });

  test("start() passes standard input on and closes it", async () => {
    const { stdout } = await runToEnd(engine, {
      input: "12345",
      process: { command: ["wc", "-c"] },
      lifecycle: { autoRemove: true },
    });
    expect(stdout.trim()).toBe("5");
  });

  test("start() sets environment, directory, host name and user as Docker does", async () => {
    const script = "env | sort | grep -v SHLVL; pwd; hostname; id -u; id -g; cat /etc/hostname";
    const { stdout, id } = await runToEnd(engine, {
      process: {
        command: sh(script),
        env: ["B=2", "A=1"],
        workingDirectory: "/made/by/us",
        user: "1234:5678",
      },
      network: { hostname: "box" },
    });
    expect(stdout.split("\n")).toEqual([
      "A=1",
      "B=2",
      "HOME=/",
      "HOSTNAME=box",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "PWD=/made/by/us",
      "/made/by/us",
      "box",
      "1234",
      "5678",
      "box",
      "",
    ]);
    await engine.containers.remove(id);
  });

  test("start() says 127 and 126 for programs that can't be executed", async () => {
    for (const [command, code] of [
      ["/no/such/program", 127],
      ["/etc", 126],
    ] as const) {
      const { id } = await engine.containers.create({ image: "busybox", process: { command: [command] } });
      const ended = engine.containers.wait(id, { until: "next-exit" });
      await expect(engine.containers.start(id)).rejects.toMatchObject({ details: { exitCode: code } });
      expect((await ended).code).toBe(code);
      expect((await engine.containers.inspect(id)).state).toMatchObject({ status: "exited", code });
      await engine.containers.remove(id);
    }
  });

  test("start() binds, covers and shares what the mounts say", async () => {
    writeFileSync(roots.join("given"), "from the host\n");
    const { stdout, stderr } = await runToEnd(engine, {
      process: {
        command: sh(
          "cat /in/given; touch /in/new; echo made > /out/file; df /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2; touch /x",
        ),
      },
      storage: {
        mounts: [
          { kind: "bind", source: roots.join(), target: "/in", readonly: true },
          { kind: "bind", source: roots.join("made"), target: "/out", createSource: true },
          { kind: "tmpfs", target: "/scratch", options: "size=1m" },
        ],
        readOnlyRoot: true,
      },
      lifecycle: { autoRemove: true },
    });
    expect(stdout).toBe("from the host\n1024\n");
    expect(stderr.match(/Read-only file system/g)).toHaveLength(2);
    expect(readFileSync(roots.join("made", "file"), "utf8")).toBe("made\n");
  });

  test("start() again keeps the files and the log", async () => {
    const { id } = await engine.containers.create({
      image: "busybox",
      process: { command: sh("echo run >> /runs; cat /runs") },
    });
    for (let run = 1; run <= 5; run++) {
      await engine.containers.start(id);
      expect((await engine.containers.wait(id)).code).toBe(0);
    }
    expect(await logText(engine, id)).toBe("run\n".repeat(1 + 2 + 3 + 4 + 5));
    await engine.containers.remove(id);
  });

  test("start() refuses a running container, stop() is fine with a stopped one", async () => {
    const id = await started();
    await expect(engine.containers.start(id)).rejects.toMatchObject({
      kind: "conflict",
      details: { alreadyRunning: true },
    });
    expect(await engine.containers.stop(id, { graceMs: 0 })).toBe(true);
    expect(await engine.containers.stop(id)).toBe(false);
    expect((await engine.containers.inspect(id)).state).toMatchObject({ status: "exited", code: 137 });
    await engine.containers.remove(id);
  });

  test("stop() sends the image's or the given signal first", async () => {
    const script = "trap 'echo stopped; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    const id = await started({ process: { command: sh(script) }, lifecycle: { stopSignal: "USR1" } });
    for await (const { bytes } of engine.containers.logs(id, { follow: true })) {
      if (Buffer.from(bytes).toString() === "ready\n") break;
    }
    expect(await engine.containers.stop(id, { graceMs: 5000 })).toBe(true);
    expect((await engine.containers.wait(id)).code).toBe(3);
    expect(await logText(engine, id)).toBe("ready\nstopped\n");
    await engine.containers.remove(id);
  });

  test("remove() refuses a running container but with force; its name is free at once", async () => {
    const id = await started({ name: "again" });
    await expect(engine.containers.remove("again")).rejects.toMatchObject({ kind: "conflict" });
    await expect(engine.containers.create({ image: "busybox", name: "again" })).rejects.toMatchObject({
      kind: "conflict",
      details: { name: "again", id },
    });
    const removed = engine.containers.wait(id, { until: "removed" });
    await engine.containers.remove("again", { force: true });
    const { id: next } = await engine.containers.create({ image: "busybox", name: "again" });
    expect((await removed).code).toBe(137);
    await engine.containers.remove(next);
    await expect(engine.containers.inspect(id)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("logs() follows to the end, also of a container that removes itself", async () => {
    const id = await started({
      process: {
        command: sh("echo 0; until [ -e /go ]; do sleep 0.01; done; for i in 1 2 3 4 5; do echo $i; done"),
      },
      lifecycle: { autoRemove: true },
    });
    let text = "";
    for await (const { bytes } of engine.containers.logs(id, { follow: true })) {
      if (text === "") {
        const exec = await engine.containers.createExec(id, { command: ["touch", "/go"] });
        await engine.containers.startExec(exec, { detach: true });
      }
      text += Buffer.from(bytes).toString();
    }
    expect(text).toBe("0\n1\n2\n3\n4\n5\n");
  });

  test("startExec() runs programs in the container with its own user, code and streams", async () => {
    const id = await started({ process: { env: ["GIVEN=1"] } });
    const exec = await engine.containers.createExec(id, {
      command: sh("cat; echo $GIVEN$MORE; id -u; hostname >&2; exit 9"),
      env: ["MORE=2"],
      user: "77",
      attachStdin: true,
      attachStdout: true,
      attachStderr: true,
    });
    const stream = await engine.containers.startExec(exec);
    if (stream === undefined) throw new Error("no stream");
    stream.duplex.end("input\n");
    const { stdout, stderr } = splitFrames(await collect(stream.duplex));
    expect(Buffer.from(stdout).toString()).toBe("input\n12\n77\n");
    expect(Buffer.from(stderr).toString()).toBe(`${id.slice(0, 12)}\n`);
    expect((await engine.containers.waitExec(exec)).code).toBe(9);
    expect((await engine.containers.inspectExec(exec)).state).toMatchObject({ status: "exited", code: 9 });
    await expect(engine.containers.startExec(exec)).rejects.toMatchObject({ kind: "conflict" });
    await engine.containers.remove(id, { force: true });
    await expect(engine.containers.createExec(id, { command: ["true"] })).rejects.toMatchObject({
      kind: "not-found",
    });
  });

  test("startExec() says 127 for a program that isn't there", async () => {
    const id = await started();
    const exec = await engine.containers.createExec(id, { command: ["nothing"], attachStdout: true });
    await expect(engine.containers.startExec(exec)).rejects.toMatchObject({ details: { exitCode: 127 } });
    expect((await engine.containers.inspectExec(exec)).state).toMatchObject({ status: "exited", code: 127 });
    await engine.containers.remove(id, { force: true });
  });

  test("resize() and a terminal", async () => {
    const { id } = await engine.containers.create({
      image: "busybox",
      process: { command: sh("read line; stty size; echo $TERM"), terminal: true, openStdin: true },
    });
    const { duplex, terminal } = await engine.containers.attach(id, { stdin: true, stdout: true });
    const output = collect(duplex);
    await engine.containers.start(id);
    await engine.containers.resize(id, { columns: 101, rows: 42 });
    duplex.write("go\n");
    expect((await engine.containers.wait(id)).code).toBe(0);
    expect(terminal).toBe(true);
    expect((await output).toString()).toContain("42 101\r\nxterm\r\n");
    await engine.containers.remove(id);
  });

  test("inspect() shows that memory ran out", async () => {
    const { status, id } = await runToEnd(engine, {
      process: { command: sh("head -c 100m /dev/zero | tail -c 90m | wc -c") },
      resources: { limits: { memoryBytes: 16 * 1024 * 1024, memorySwapBytes: 16 * 1024 * 1024 } },
    });
    expect(status.oomKilled).toBe(true);
    expect((await engine.containers.inspect(id)).state).toMatchObject({ oomKilled: true });
    await engine.containers.remove(id);
  });

  test("namespaces() says who shares what; a container's network and pids are joined", async () => {
    const first = await started({ name: "first" });
    const second = await started({
      name: "second",
      isolation: { namespaces: { network: { container: "first" }, pid: { container: first.slice(0, 10) } } },
    });
    const rows = await engine.namespaces();
    const row = rows.find(({ name }) => name === "second");
    expect(row?.namespaces["network"]?.sharedWith).toEqual(["first"]);
    expect(row?.namespaces["pid"]?.sharedWith).toEqual(["first"]);
    expect(row?.namespaces["mount"]?.sharedWith).toEqual([]);
    expect(row?.namespaces["user"]?.sharedWith).toEqual(["host", "first"]);
    await engine.containers.remove(second, { force: true });
    await engine.containers.stop(first, { graceMs: 0 });
    const { id } = await engine.containers.create({
      image: "busybox",
      isolation: { namespaces: { uts: { container: "first" } } },
    });
    await expect(engine.containers.start(id)).rejects.toThrow("which is not running: start that one first");
    await engine.containers.remove(id);
    await engine.containers.remove(first);
  });

  test("start() finds a volume of the image filled once, and remove() with volumes takes it along", async () => {
    const changes = ["VOLUME /etc", 'CMD ["sh","-c","ls /etc; echo more >> /etc/added; cat /etc/added"]'];
    const tar = (await import("../support/images.ts")).busyboxRootfsTar();
    await engine.images.import((await import("node:fs")).createReadStream(tar), {
      reference: "voluminous",
      changes,
    });
    const { id, stdout } = await runToEnd(engine, { image: "voluminous" });
    expect(stdout).toEndWith("more\n");
    await engine.containers.start(id);
    expect((await engine.containers.wait(id)).code).toBe(0);
    expect(await logText(engine, id)).toEndWith("more\nmore\n");
    const [volume] = await engine.volumes.list();
    expect((await engine.volumes.usage(volume?.name ?? "")).containers).toEqual([asId(id)]);
    await engine.containers.remove(id, { volumes: true });
    expect(await engine.volumes.list()).toEqual([]);
    await engine.settle();
    expect(existsSync(`${roots.dataRoot}/containers/${id}`)).toBe(false);
    await engine.images.remove("voluminous");
  });

  test("events() tells the life of a container in order", async () => {
    const abort = new AbortController();
    const events = engine.events({ filters: { type: ["container"] }, signal: abort.signal });
    const { id } = await runToEnd(engine, {
      name: "eventful",
      labels: { a: "b" },
      process: { command: ["true"] },
    });
    await engine.containers.remove(id);
    setTimeout(() => abort.abort(), 50);
    const seen: string[] = [];
    for await (const { action, actor } of events) if (actor.id === id) seen.push(action);
    expect(seen).toEqual(["create", "attach", "start", "die", "destroy"]);
  });

  test("50 containers at once start, end and leave nothing", async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        runToEnd(engine, {
          process: { command: sh(`echo ${index}; exit ${index}`) },
          lifecycle: { autoRemove: true },
        }),
      ),
    );
    expect(all.map(({ status }) => status.code)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(all.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 50 }, (_, index) => `${index}\n`));
    await engine.settle();
    expect(await engine.check()).toEqual([]);
  });

  test("list() filters", async () => {
    const running = await started({ name: "listed-one", labels: { tier: "web" } });
    const { id: stopped } = await engine.containers.create({ image: "busybox", name: "listed-two" });
    const names = async (filters: Record<string, string[]>, all = true): Promise<string[]> =>
      (await engine.containers.list({ all, filters })).map(({ name }) => name);
    expect(await names({ name: ["^/listed"] })).toEqual(["listed-two", "listed-one"]);
    expect(await names({ name: ["listed"] }, false)).toEqual(["listed-one"]);
    expect(await names({ label: ["tier=web"] })).toEqual(["listed-one"]);
    expect(await names({ status: ["created"] })).toEqual(["listed-two"]);
    expect(await names({ ancestor: ["busybox"], before: [stopped] })).toEqual(["listed-one"]);
    await expect(names({ nonsense: ["1"] })).rejects.toThrow("invalid filter 'nonsense'");
    await engine.containers.remove(running, { force: true });
    await engine.containers.remove(stopped);
  });
});

describe("LocalImages", () => {
  test("remove() refuses what containers need, in Docker's words", async () => {
    const { id } = await engine.containers.create({
      image: "busybox",
      process: { command: sh("sleep 1000") },
    });
    const { id: image } = await engine.images.inspect("busybox");
    await expect(engine.images.remove("busybox")).rejects.toThrow("(must force) - container");
    await expect(engine.images.remove(image)).rejects.toThrow(
      "(must be forced) - image is being used by stopped",
    );
    await engine.containers.start(id);
    await expect(engine.images.remove(image, { force: true })).rejects.toThrow(
      "(cannot be forced) - image is being",
    );
    await engine.images.tag(image, "busybox:other");
    expect(await engine.images.remove("busybox:other")).toEqual([{ untagged: "busybox:other" }]);
    await engine.containers.remove(id, { force: true });
  });

  test("remove() by force of an image with a stopped container leaves its layers until that is gone", async () => {
    const tar = createReadStream(busyboxRootfsTar());
    const image = await engine.images.import(tar, {
      reference: "twin",
      changes: ["LABEL twin=1", "CMD true"],
    });
    const { id } = await engine.containers.create({ image: "twin" });
    const removed = await engine.images.remove(image, { force: true });
    expect(removed.slice(0, 2)).toEqual([{ untagged: "twin:latest" }, { deleted: image }]);
    await engine.settle();
    await engine.containers.start(id);
    expect((await engine.containers.wait(id)).code).toBe(0);
    await engine.containers.remove(id);
    await engine.settle();
    expect(await engine.check()).toEqual([]);
  });
});
