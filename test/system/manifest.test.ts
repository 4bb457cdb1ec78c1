import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { connectEngine } from "../../src/mod.ts";
import { mediaTypes } from "../../src/spec/image/manifest.ts";
import { tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** An image of one layer for an architecture; gives the manifest's digest. */
function addImage(registry: TestRegistry, repository: string, architecture: string): string {
  const tar = tarOf([["which", architecture]]);
  const layer = gzipSync(tar);
  const config = encode({
    architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
  registry.addBlob(repository, layer);
  registry.addBlob(repository, config);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: mediaTypes.layerGzip, digest: digestOf(layer), size: layer.length }],
  };
  return registry.addManifest(repository, architecture, {
    bytes: encode(manifest),
    mediaType: mediaTypes.manifest,
  });
}

describe.skipIf(!isRoot)("manifest lists", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let other: TestRegistry;
  const digests: Record<string, string> = {};

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start({ auth: { kind: "token", username: "me", password: "secret" } });
    other = await TestRegistry.start();
    for (const architecture of ["amd64", "arm64"]) {
      digests[architecture] = addImage(registry, `apps/${architecture}`, architecture);
    }
    digests["riscv64"] = addImage(other, "far/away", "riscv64");
    await tare.must(["login", "-u", "me", "--password-stdin", registry.host], {
      input: "secret",
      env: env(),
    });
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const env = (): Record<string, string> => ({ DOCKER_CONFIG: `${tare.directory}/docker` });
  const run = (...args: string[]) => tare.tare(["manifest", ...args], { env: env() });
  const must = (...args: string[]): Promise<string> => tare.must(["manifest", ...args], { env: env() });

  test("create, annotate, inspect, push, rm: the registry has the list and all that it names", async () => {
    const list = `${registry.host}/apps/all:1`;
    const [amd, arm] = ["amd64", "arm64"].map((each) => `${registry.host}/apps/${each}:${each}`);
    const far = `${other.host}/far/away:riscv64`;
    expect(await must("create", list, amd ?? "", arm ?? "")).toBe(`Created manifest list ${list}`);
    const again = await run("create", list, amd ?? "");
    expect([again.status, again.stderr]).toEqual([
      1,
      `tare: cannot create manifest list ${list}: there is one already: use --amend to add to it\n`,
    ]);
    await must("create", "--amend", list, far);
    await must("annotate", "--variant", "v9", "--os-features", "a,b", list, arm ?? "");
    const inspected: unknown = JSON.parse(await must("inspect", list));
    const pushed = await must("push", list);
    expect(pushed).toMatch(/Mounted from apps\/arm64/);
    const digest = pushed.split("\n").at(-1) ?? "";
    const stored = registry.manifests.get("apps/all 1");
    expect(digestOf(stored?.bytes ?? Buffer.alloc(0))).toBe(digest);
    expect(stored?.mediaType).toBe(mediaTypes.index);
    const index = JSON.parse(Buffer.from(stored?.bytes ?? []).toString()) as {
      manifests: { digest: string; platform: object }[];
    };
    expect(index as unknown).toEqual(inspected);
    expect(index.manifests.map(({ digest: each, platform }) => [each, platform])).toEqual([
      [digests["amd64"] ?? "", { architecture: "amd64", os: "linux" }],
      [
        digests["arm64"] ?? "",
        { architecture: "arm64", os: "linux", variant: "v9", "os.features": ["a", "b"] },
      ],
      [digests["riscv64"] ?? "", { architecture: "riscv64", os: "linux" }],
    ]);

    expect(await must("rm", list)).toBe(list);
    // Now it is the registry's that is shown.
    expect(JSON.parse(await must("inspect", list))).toEqual(index);
    const verbose = JSON.parse(await must("inspect", "-v", list)) as { Descriptor: { digest: string } }[];
    expect(verbose.map(({ Descriptor }) => Descriptor.digest)).toEqual(
      index.manifests.map((each) => each.digest),
    );
    // What was copied from the other registry comes back through this one.
    const pulled = await tare.must(["pull", "--platform", "linux/riscv64", list], { env: env() });
    expect(pulled).toContain(`Digest: ${digest}`);
  });

  test("each wrong input is one sentence, and leaves no list behind", async () => {
    const list = `${registry.host}/apps/wrong:1`;
    for (const [args, sentence] of [
      [["create", list, `${registry.host}/apps/none:1`], /^tare: manifest for .*\/apps\/none:1 not found: /],
      [["create", list, `${registry.host}/apps/all:1`], /in a manifest list: it is no image of one platform/],
      [["create", `${list}@sha256:${"0".repeat(64)}`, list], /it must be a name and a tag/],
      [["push", list], new RegExp(`^tare: No such manifest: ${list}\n$`)],
      [["annotate", "--arch", "arm", list, list], /No such manifest/],
      [["rm", list], /No such manifest/],
    ] as const) {
      const { status, stderr } = await run(...args);
      expect([args, status, stderr]).toEqual([args, 1, expect.stringMatching(sentence)]);
    }
    const missing = await run("create", list);
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("at least 2 arguments")]);
  });

  test("lists outlive the daemon; the library has them, too", async () => {
    const list = `${other.host}/far/list:1`;
    await must("create", list, `${other.host}/far/away:riscv64`);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(JSON.parse(await must("inspect", list))).toMatchObject({
      manifests: [{ size: expect.any(Number) }],
    });
    await using engine = await connectEngine({ host: `unix://${tare.clientSocket}` });
    expect((await engine.manifests.list()).map(({ name }) => name)).toEqual([list]);
    const changed = await engine.manifests.annotate(list, `${other.host}/far/away:riscv64`, {
      osVersion: "7",
    });
    expect(changed.entries[0]?.platform).toEqual({ os: "linux", architecture: "riscv64", osVersion: "7" });
    const seen: string[] = [];
    for await (const progress of engine.manifests.push(list, { purge: true })) {
      if (progress.kind === "image") seen.push(progress.id);
    }
    expect(seen).toEqual([digestOf(other.manifests.get("far/list 1")?.bytes ?? Buffer.alloc(0))]);
    expect(await engine.manifests.list()).toEqual([]);
    const fetched = await engine.manifests.fetch(list);
    expect(digestOf(fetched.bytes)).toBe(seen[0] ?? "");
  });

  test("a push that a registry refuses keeps the list, and the next one goes on", async () => {
    const list = `${other.host}/far/refused:1`;
    await must("create", list, `${registry.host}/apps/amd64:amd64`);
    other.fault = ({ method, url }) =>
      method === "PUT" && url.includes("/manifests/1")
        ? { kind: "status", status: 403, body: '{"errors":[{"code":"DENIED","message":"not you"}]}' }
        : undefined;
    const refused = await run("push", "--purge", list);
    other.fault = undefined;
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("denied: not you")]);
    const pushed = await must("push", "--purge", list);
    expect(pushed).not.toMatch(/: Pushed$/m);
    expect((await run("rm", list)).status).toBe(1);
  });
});
