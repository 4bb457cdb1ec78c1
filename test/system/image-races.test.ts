/** Images that are removed while they are on their way, and archives that never end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { busyboxArchive, busyboxRootfsTar, tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { bulkLayer, isBlobRequest, type PlacedImage, placeImage } from "../support/registry-images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { type SeenRequest, TestRegistry } from "../support/test-registry.ts";

describe.skipIf(!isRoot)("an image that is removed", () => {
  let tare: Installation;
  let registry: TestRegistry;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const settled = async (): Promise<void> => {
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check", "--verify"])).toContain("in order");
  };

  /** A pull that has asked for its upper layer. */
  const beginPull = async ({ name, layers }: PlacedImage): Promise<{ readonly done: Promise<string> }> => {
    const asked = registry.seen.length;
    const done = tare.must(["pull", name]);
    const isIt = (seen: SeenRequest): boolean => isBlobRequest(seen) && seen.url.endsWith(layers[1] ?? "-");
    await poll(() => registry.seen.slice(asked).find(isIt), {
      everyMs: 5,
      timeoutMs: 20_000,
      what: "see the layer be asked for",
    });
    return { done };
  };

  test("in the middle of a pull of another one with the same layer leaves that layer to it", async () => {
    const rootfs = readFileSync(busyboxRootfsTar());
    const old = placeImage(registry, { repository: "race/old", layers: [rootfs] });
    const late = bulkLayer(4, "late");
    const fresh = placeImage(registry, { repository: "race/new", layers: [rootfs, late] });
    await tare.must(["pull", "-q", old.name]);
    registry.pauseMs = 50;
    const pulling = await beginPull(fresh);
    expect(await tare.must(["rmi", old.name])).toContain(`Untagged: ${old.name}`);
    expect((await tare.tare(["rmi", fresh.name])).stderr).toContain("No such image");
    registry.pauseMs = 0;
    expect(await pulling.done).toContain("Already exists");
    expect(await tare.must(["run", "--rm", fresh.name, "sh", "-c", "ls -l /late | wc -l"])).toBe("1");
    await settled();
  });

  test("in the middle of a pull of the same name, which has moved on, is gone; the new one comes", async () => {
    const rootfs = readFileSync(busyboxRootfsTar());
    const before = placeImage(registry, { repository: "race/moving", layers: [rootfs, tarOf([["v", "1"]])] });
    await tare.must(["pull", "-q", before.name]);
    const after = placeImage(registry, { repository: "race/moving", layers: [rootfs, bulkLayer(4, "v2")] });
    registry.pauseMs = 50;
    const pulling = await beginPull(after);
    await tare.must(["rmi", before.name]);
    registry.pauseMs = 0;
    await pulling.done;
    expect(await tare.must(["run", "--rm", after.name, "ls", "/v2"])).toBe("/v2");
    await settled();
  });

  test("while a container is made of it: it is refused, or no container is made, and nothing is between", async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 16; round++) {
      await tare.must(["load", "-q", "-i", busyboxArchive()]);
      const running = tare.tare([
        "run",
        "--pull",
        "never",
        "--network",
        "none",
        "--name",
        `made-${round}`,
        "busybox",
        "true",
      ]);
      await Bun.sleep((round % 8) * 3);
      const [made, removed] = await Promise.all([running, tare.tare(["rmi", "busybox"])]);
      outcomes.add(`${made.status} ${removed.status}`);
      if (removed.status === 0) {
        expect([made.status, made.stderr]).toEqual([125, expect.stringContaining("No such image")]);
      } else {
        expect(made.status).toBe(0);
        expect(removed.stderr).toMatch(/a container is just being made of it|is (being used by|using its)/);
        await tare.must(["rm", `made-${round}`]);
      }
    }
    // Both ways round: rmi came first, and run did.
    expect([...outcomes]).toContain("0 1");
    await settled();
  });

  test("archives that never end hold up neither a load nor a pull", async () => {
    const archive = readFileSync(busyboxArchive());
    const stalled = await Promise.all(
      Array.from({ length: 8 }, () => beginLoad(tare.socket, archive.subarray(0, -70_000))),
    );
    try {
      expect(await tare.must(["load", "-i", busyboxArchive()])).toContain("busybox:latest");
      const image = placeImage(registry, { repository: "race/beside", layers: [bulkLayer(4, "beside")] });
      expect(await tare.must(["pull", "-q", image.name])).toBe(image.name);
    } finally {
      for (const each of stalled) each.destroy();
    }
    await settled();
  });
});

/** A load that has been sent so much of its archive. */
async function beginLoad(socketPath: string, part: Uint8Array): Promise<ClientRequest> {
  const sent = request({
    socketPath,
    method: "POST",
    path: "/images/load",
    headers: { "Content-Type": "application/x-tar" },
  });
  sent.on("error", () => undefined);
  await new Promise<void>((resolve) => sent.write(part, () => resolve()));
  return sent;
}
