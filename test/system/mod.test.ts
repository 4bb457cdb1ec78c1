import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createReadStream, existsSync } from "node:fs";
import type { Serving } from "../../src/daemon/server.ts";
import { serve } from "../../src/daemon/server.ts";
import type { Engine } from "../../src/model/engine.ts";
import { StreamSockets } from "../../src/linux/sockets/stream-socket.ts";
import { isAlreadyRunning, isFailure } from "../../src/base/failure.ts";
import { connectEngine, type LibraryEngine } from "../../src/mod.ts";
import { LibraryEngine as Library } from "../../src/library/library-engine.ts";
import { EngineRoots } from "../support/engine.ts";
import { busyboxRootfsTar } from "../support/images.ts";

let roots: EngineRoots;
let local: Engine;
let serving: Serving;
let socketCalls: StreamSockets;
let connected: LibraryEngine;

beforeAll(async () => {
  roots = new EngineRoots("mod");
  local = await roots.openWithBusybox();
  const socketPath = roots.join("tare.sock");
  socketCalls = new StreamSockets();
  serving = await serve(local, { socketPath, buildId: "test", version: "0", gitCommit: "0", socketCalls });
  connected = await connectEngine({ host: `unix://${socketPath}` });
});
afterAll(async () => {
  await connected[Symbol.asyncDispose]();
  await serving.close();
  await serving.closed;
  socketCalls[Symbol.dispose]();
  await local[Symbol.asyncDispose]();
  await roots[Symbol.asyncDispose]();
});

describe.each(["openEngine", "connectEngine"] as const)("%s()", (which) => {
  const engine = (): LibraryEngine => (which === "openEngine" ? new Library(local) : connected);

  test("run() gives a handle with output, code and log", async () => {
    await using container = await engine().run("busybox", {
      name: `${which}-run`,
      labels: { which },
      process: { command: ["sh", "-c", "echo out; echo err >&2; exit 3"], env: ["A=1"] },
    });
    expect(await container.wait()).toEqual({ code: 3, oomKilled: false });
    expect(await container.stdout()).toBe("out\n");
    expect(await container.stderr()).toBe("err\n");
    expect(container.timing.totalMs).toBeGreaterThan(0);
    const details = await container.inspect();
    expect(details).toMatchObject({
      id: container.id,
      name: `${which}-run`,
      image: "busybox",
      state: { status: "exited", code: 3 },
      process: { path: "sh", args: ["-c", "echo out; echo err >&2; exit 3"] },
      spec: { process: { env: expect.arrayContaining(["A=1"]) } },
      networkMode: "bridge",
    });
    expect(details.labels["which"]).toBe(which);
    const listed = await engine().containers.list({ all: true, filters: { label: [`which=${which}`] } });
    expect(listed.map(({ id }) => id)).toEqual([container.id]);
  });

  test("a failure has its details", async () => {
    const name = `${which}-details`;
    await using container = await engine().run("busybox", {
      name,
      process: { command: ["sleep", "60"] },
      storage: { mounts: [{ kind: "volume", name, target: "/data" }] },
    });
    const running = await engine()
      .containers.start(name)
      .catch((thrown: unknown) => thrown);
    expect(isAlreadyRunning(running)).toBe(true);
    const inUse = await engine()
      .volumes.remove(name)
      .catch((thrown: unknown) => thrown);
    expect(isFailure(inUse, "conflict") && inUse.details.users).toEqual([container.id]);
    const absent = await engine()
      .images.inspect("nobody/nothing")
      .catch((thrown: unknown) => thrown);
    expect(isFailure(absent, "not-found") && absent.details.image).toBe("nobody/nothing");
    const failed = await engine()
      .run("busybox", { process: { command: ["/nothing"] } })
      .catch((thrown: unknown) => thrown);
    expect(isFailure(failed, "invalid") && failed.details.exitCode).toBe(127);
    await container.remove();
    await engine().volumes.remove(name);
  });

  test("storeUsage() says what the data root takes, kind by kind", async () => {
    const { policy, totalBytes, rows, rebuildable, refetchable } = await engine().storeUsage();
    expect(policy).toBe("keep");
    expect(rows.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(totalBytes);
    const blobs = rows.find(({ kind }) => kind === "blobs");
    expect(blobs?.count).toBeGreaterThanOrEqual(3); // a layer, a config, a manifest
    expect(blobs?.bytes).toBeGreaterThan(500_000);
    expect([rebuildable, refetchable]).toEqual([
      { count: 0, bytes: 0 },
      { count: 0, bytes: 0 },
    ]);
    const other = await (which === "openEngine" ? connected : local).storeUsage();
    expect(other.rows.map(({ kind }) => kind)).toEqual(rows.map(({ kind }) => kind));
    expect(other.rows.find(({ kind }) => kind === "blobs")).toEqual(blobs);
  });

  test("networks, connections and ports that change", async () => {
    const { networks, containers } = engine();
    const name = `${which}-lan`;
    const { id } = await networks.create({ name, subnets: [{ subnet: "10.93.0.0/24" }], labels: { a: "b" } });
    expect(await networks.inspect(name)).toMatchObject({
      id,
      driver: "bridge",
      labels: { a: "b" },
      ipam: { subnets: [{ subnet: "10.93.0.0/24", gateway: "10.93.0.1" }] },
    });
    {
      await using container = await engine().run("busybox", {
        process: { command: ["sleep", "1000"] },
        network: {
          networks: [{ network: name, ipv4: "10.93.0.9", aliases: ["box"] }],
          ports: [{ containerPort: 80, hostPort: 18_300 }],
        },
      });
      await networks.connect("bridge", container.id);
      await containers.update(container.id, {
        publishAdd: [{ containerPort: 90, hostPort: 18_310, count: 3, hostAddress: "127.0.0.1" }],
        publishRemove: [{ hostPort: 18_300 }],
      });
      const details = await container.inspect();
      expect(details.networkMode).toBe(name);
      expect(details.endpoints.map(({ networkName }) => networkName).sort()).toEqual(["bridge", name].sort());
      expect(details.endpoints.find(({ networkName }) => networkName === name)).toMatchObject({
        networkId: id,
        settings: { ipv4: "10.93.0.9", aliases: ["box"] },
        joined: { ipv4: { address: "10.93.0.9", bits: 24, gateway: "10.93.0.1" } },
      });
      expect(details.ports).toEqual([
        { protocol: "tcp", containerPort: 90, count: 3, hostAddress: "127.0.0.1", hostPort: 18_310 },
      ]);
      await expect(networks.remove(name)).rejects.toMatchObject({ kind: "conflict" });
      await networks.disconnect("bridge", container.id);
    }
    await engine().settle();
    expect(await networks.prune({ filters: { label: ["a=b"] } })).toEqual([name]);
    await expect(networks.inspect(name)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("exec() gives output and code, takes input; dispose removes", async () => {
    let id: string;
    {
      await using container = await engine().run("busybox", {
        process: { command: ["sleep", "1000"] },
        network: { hostname: "box" },
      });
      id = container.id;
      const result = await container.exec(["sh", "-c", "cat; hostname; echo no >&2; exit 4"], {
        input: "given\n",
      });
      expect(result).toEqual({ code: 4, stdout: "given\nbox\n", stderr: "no\n" });
      expect(await container.stop({ graceMs: 0 })).toBe(true);
      expect(await container.stop()).toBe(false);
    }
    await expect(engine().containers.inspect(id)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("commit() sets of the image what is asked for, and shows an image in a container", async () => {
    const container = await engine().run("busybox", { process: { command: ["true"], env: ["A=1"] } });
    await container.wait();
    const id = await engine().containers.commit(container.id, {
      reference: `${which.toLowerCase()}:1`,
      config: { env: ["B=2"], cmd: ["env"], labels: { a: "b" }, exposedPorts: ["80/tcp"] },
      changes: ["LABEL c=d"],
    });
    await container.remove();
    const { config } = await engine().images.inspect(id);
    expect(config.defaults).toMatchObject({
      cmd: ["env"],
      labels: { a: "b", c: "d" },
      exposedPorts: ["80/tcp"],
    });
    expect(config.defaults.env).toEqual(expect.arrayContaining(["A=1", "B=2"]));
    const shown = await engine().run("busybox", {
      process: { command: ["head", "-n", "1", "/m/etc/passwd"] },
      storage: { mounts: [{ kind: "image", image: id, target: "/m" }] },
    });
    await shown.wait();
    expect(await shown.stdout()).toStartWith("root:x:0:0:");
    await shown.remove();
    await engine().images.remove(id);
  });

  test("run() limits the memory of TCP where cgroups have that, and says of SELinux's labels what they do", async () => {
    const file = "/sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes";
    await using container = await engine().run("busybox", {
      process: { command: ["sh", "-c", `cat ${file} 2>/dev/null || echo none`] },
      resources: { limits: { kernelTcpBytes: 1 << 20 } },
      isolation: existsSync("/sys/fs/selinux/enforce") ? {} : { selinux: ["type:any_t"] },
    });
    await container.wait();
    const isThere = existsSync(file);
    expect(await container.stdout()).toBe(isThere ? `${1 << 20}\n` : "none\n");
    expect(container.warnings.filter((text) => text.includes("TCP limit")).length).toBe(isThere ? 0 : 1);
    expect((await container.inspect()).spec.resources?.limits?.kernelTcpBytes).toBe(1 << 20);
  });

  test("logs() gives entries with their times", async () => {
    await using container = await engine().run("busybox", {
      process: { command: ["sh", "-c", "echo a; sleep 0.05; echo b; head -c 20000 /dev/zero | tr '\\0' z"] },
    });
    const lengths: number[] = [];
    let last = 0n;
    for await (const { bytes, timeNs } of container.logs({ follow: true })) {
      lengths.push(bytes.length);
      expect(timeNs >= last).toBe(true);
      last = timeNs;
    }
    expect(lengths).toEqual([2, 2, 16384, 20000 - 16384]);
    expect(Number(last / 1_000_000n)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("events(), namespaces(), info(), check() tell the same", async () => {
    const abort = new AbortController();
    const sinceMs = Date.now();
    const seen: string[] = [];
    const watching = (async () => {
      const filters = { container: [`${which}-seen`] };
      for await (const { action } of engine().events({ sinceMs, signal: abort.signal, filters })) {
        seen.push(action);
        if (action === "destroy") return;
      }
    })();
    const container = await engine().run("busybox", {
      name: `${which}-seen`,
      process: { command: ["sleep", "1000"] },
    });
    const rows = await engine().namespaces();
    expect(rows[0]).toMatchObject({ id: "", name: "host" });
    expect(rows.find(({ name }) => name === `${which}-seen`)?.namespaces["user"]?.sharedWith).toContain(
      "host",
    );
    await container.remove();
    await watching;
    abort.abort();
    expect(seen).toEqual(["create", "start", "kill", "die", "destroy"]);
    const info = await engine().info();
    expect(info).toMatchObject({ dataRoot: roots.dataRoot, storage: { driver: "overlay" }, images: 1 });
    await engine().settle();
    expect(await engine().check()).toEqual([]);
  });

  test("images: import, tag, inspect, remove", async () => {
    const { images } = engine();
    const tar = createReadStream(busyboxRootfsTar());
    const id = await images.import(tar, {
      reference: "imported:1",
      changes: ["ENV X=y", `LABEL by=${which}`],
    });
    await images.tag("imported:1", "imported:2");
    expect(await images.inspect("imported:2")).toMatchObject({
      id,
      references: ["imported:1", "imported:2"],
      config: { defaults: { env: ["X=y"] } },
    });
    expect(await images.remove("imported:1")).toEqual([{ untagged: "imported:1" }]);
    expect((await images.remove("imported:2")).slice(0, 2)).toEqual([
      { untagged: "imported:2" },
      { deleted: id },
    ]);
    await expect(images.inspect("imported:2")).rejects.toMatchObject({ kind: "not-found" });
  });

  test("failures keep their kind", async () => {
    await expect(engine().run("absent")).rejects.toMatchObject({ kind: "not-found" });
    await expect(engine().run("busybox", { name: "-" })).rejects.toMatchObject({ kind: "invalid" });
    await using first = await engine().run("busybox", {
      name: `${which}-twice`,
      process: { command: ["sleep", "1000"] },
    });
    await expect(engine().run("busybox", { name: `${which}-twice` })).rejects.toMatchObject({
      kind: "conflict",
    });
    await expect(engine().containers.start(first.id)).rejects.toMatchObject({
      details: { alreadyRunning: true },
    });
  });
});

test("connectEngine() refuses a lifetime that only a program of its own can give", async () => {
  await expect(connected.run("busybox", { lifecycle: { lifetime: "process" } })).rejects.toMatchObject({
    kind: "unsupported",
  });
  await expect(connectEngine({ host: `unix://${roots.join("nobody.sock")}` })).rejects.toMatchObject({
    kind: "unavailable",
  });
});
