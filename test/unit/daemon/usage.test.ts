import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Client } from "../../../src/client/client.ts";
import type { StorageBenchEvent, StorageBenchOptions } from "../../../src/model/storage-bench.ts";
import { benchEventOf } from "../../../src/library/bench-reply.ts";
import { startDaemon } from "./daemon-under-test.ts";
import { fakeBench } from "./fake-bench.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

/** As the library sees it. */
async function follow(
  client: Client,
  options: StorageBenchOptions,
): Promise<{ readonly events: readonly StorageBenchEvent[]; readonly failure: string | undefined }> {
  const events: StorageBenchEvent[] = [];
  try {
    for await (const message of client.system.benchStorage(options)) events.push(benchEventOf(message));
    return { events, failure: undefined };
  } catch (thrown) {
    return { events, failure: (thrown as Error).message };
  }
}

describe("usage and pruning", () => {
  let daemon: Awaited<ReturnType<typeof startDaemon>>;
  beforeEach(async () => {
    daemon = await startDaemon();
    const { containers } = daemon.client;
    await containers.create({ Image: "busybox", Cmd: ["sleep", "9"] }, { name: "web" });
    await containers.start("web");
    await containers.create({ Image: "busybox" }, { name: "idle" });
    await daemon.client.volumes.create({ Name: "data" });
  });
  afterEach(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  async function ask(
    line: string,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const reply = await rawRequest(daemon.socketPath, requestText(line, ""));
    const text = bodyOf(reply).replace(/^[0-9a-f]+\r\n/, "");
    return {
      status: statusOf(reply),
      body: JSON.parse(text.split("\n", 1)[0] ?? "") as Record<string, unknown>,
    };
  }

  test("/system/df has all kinds of things with their sizes", async () => {
    const { body } = await ask("GET /v1.51/system/df");
    expect(body).toMatchObject({
      LayersSize: 4_000_000,
      Images: [{ Size: 4_000_000, SharedSize: 1_000_000, Containers: 2 }],
      Containers: [
        { Names: ["/web"], SizeRw: 2_500, SizeRootFs: 4_002_500 },
        { Names: ["/idle"], SizeRw: 2_500 },
      ],
      Volumes: [{ Name: "data", UsageData: { Size: 4, RefCount: 0 } }],
      BuildCache: [],
    });
    expect(body).not.toHaveProperty("BuilderSize");
  });

  test("/system/df has the old lists until 1.52, and the sums since then", async () => {
    const fields = async (version: string): Promise<readonly string[]> =>
      Object.keys((await ask(`GET /v${version}/system/df`)).body as object).sort();
    const old = ["BuildCache", "Containers", "Images", "LayersSize", "Volumes"];
    const sums = ["BuildCacheUsage", "ContainerUsage", "ImageUsage", "VolumeUsage"];
    expect(await fields("1.51")).toEqual(old);
    expect(await fields("1.52")).toEqual([...old, ...sums].sort());
    expect(await fields("1.53")).toEqual(sums);
  });

  test("/system/df of some types has null for the others, of an unknown one is refused", async () => {
    expect((await ask("GET /v1.51/system/df?type=container&type=volume")).body).toMatchObject({
      LayersSize: 0,
      Images: null,
      Containers: [{}, {}],
      Volumes: [{ Name: "data" }],
      BuildCache: null,
    });
    expect(await ask("GET /v1.51/system/df?type=constructor")).toEqual({
      status: 400,
      body: { message: "unknown object type: constructor" },
    });
    const old = await ask("GET /v1.41/system/df?type=constructor");
    expect(old.body).toMatchObject({ BuilderSize: 0, Images: [{ VirtualSize: 4_000_000 }] });
  });

  test("lists and inspect have sizes when they are asked for, and only then", async () => {
    const [sized] = await daemon.client.containers.list({ size: true });
    expect(sized).toMatchObject({ SizeRw: 2_500, SizeRootFs: 4_002_500 });
    expect((await daemon.client.containers.list())[0]).not.toHaveProperty("SizeRw");
    expect(await daemon.client.containers.inspect("web", { size: true })).toMatchObject({ SizeRw: 2_500 });
    expect(await daemon.client.containers.inspect("web")).not.toHaveProperty("SizeRw");
  });

  test("/tare/storage/bench streams what the engine tells, and the library reads the same", async () => {
    const { events, failure } = await follow(daemon.client, { sizeBytes: 1024, containers: 2 });
    expect(events).toEqual([...fakeBench]);
    expect(failure).toBeUndefined();
    expect(daemon.engine.benched.at(-1)).toMatchObject({ quick: false, sizeBytes: 1024, containers: 2 });
    // A failure after the first line is a line of its own.
    const failed = await follow(daemon.client, { quick: true });
    expect(failed.events).toHaveLength(fakeBench.length);
    expect(failed.failure).toBe("cannot go on");
    expect(await ask("POST /tare/storage/bench?size=many")).toMatchObject({ status: 400 });
  });

  test("prune passes the filters on and tells what is gone", async () => {
    const { containers, images } = daemon.client;
    const idle = await containers.inspect("idle");
    expect(await containers.prune({ label: ["a=b"] })).toEqual({
      ContainersDeleted: [idle.Id],
      SpaceReclaimed: 1000,
    });
    expect(await containers.prune()).toEqual({ ContainersDeleted: null, SpaceReclaimed: 0 });
    expect(await images.prune({ dangling: ["false"] })).toEqual({
      ImagesDeleted: [{ Untagged: "busybox:latest" }, { Deleted: expect.stringContaining("sha256:") }],
      SpaceReclaimed: 4_000_000,
    });
    expect(daemon.engine.pruneFilters).toEqual([{ label: ["a=b"] }, {}, { dangling: ["false"] }]);
  });

  test("there is nothing to prune of networks and build cache", async () => {
    expect((await ask("POST /v1.51/networks/prune")).body).toEqual({ NetworksDeleted: null });
    expect((await ask("POST /v1.51/build/prune")).body).toEqual({ CachesDeleted: null, SpaceReclaimed: 0 });
    expect(
      (await ask(`POST /v1.51/networks/prune?filters=${encodeURIComponent('{"x":["y"]}')}`)).status,
    ).toBe(400);
  });
});
