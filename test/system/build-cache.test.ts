import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { busyboxRootfsTar } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

let host: Installation;
let work: string;
let base: string;
let registry: TestRegistry;

const dockerfile = [
  "FROM base:1 AS make",
  "RUN cat /proc/sys/kernel/random/uuid > /id",
  "FROM base:1",
  "RUN cat /proc/sys/kernel/random/uuid > /own",
  "COPY --from=make /id /id",
  'CMD ["cat", "/own", "/id"]',
  "",
].join("\n");

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-cache-"));
  registry = await TestRegistry.start({ auth: { kind: "token", username: "me", password: "secret" } });
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
  base = join(work, "base.tar");
  await host.must(["save", "-o", base, "base:1"]);
  mkdirSync(join(work, "docker"));
  const auth = Buffer.from("me:secret").toString("base64");
  writeFileSync(join(work, "docker/config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  mkdirSync(join(work, "context"));
  writeFileSync(join(work, "context/Dockerfile"), dockerfile);
});

afterAll(async () => {
  if (!isRoot) return;
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

async function build(engine: Installation, ...words: readonly string[]): Promise<string> {
  const env = { DOCKER_CONFIG: join(work, "docker") };
  const all = ["build", "--progress", "plain", ...words, join(work, "context")];
  const { status, stderr } = await engine.tare(all, { env });
  if (status !== 0) throw new Error(`tare ${all.join(" ")}\n${stderr}`);
  return stderr;
}

/** Another data root with the same base image. */
async function another(): Promise<Installation> {
  const engine = new Installation();
  await engine.must(["load", "-i", base]);
  return engine;
}

async function idsOf(engine: Installation): Promise<string> {
  return await engine.must(["run", "--rm", "--network", "none", "cached:1"]);
}

function cachedSteps(output: string): number {
  return output.match(/CACHED/g)?.length ?? 0;
}

describe.skipIf(!isRoot)("tare build --cache-to, --cache-from", () => {
  test("mode=max: another data root runs no step", async () => {
    const cache = `${registry.host}/me/cache:max`;
    const out = await build(host, "-t", "cached:1", "--cache-to", `type=registry,ref=${cache},mode=max`);
    expect(out).toContain("exporting cache to registry");
    await using other = await another();
    const again = await build(other, "-t", "cached:1", "--cache-from", cache);
    expect(again).toContain(`importing cache manifest from ${cache}`);
    expect(cachedSteps(again)).toBeGreaterThanOrEqual(3);
    expect(await idsOf(other)).toBe(await idsOf(host));
  });

  test("mode=min has only the layers of the image", async () => {
    const cache = `${registry.host}/me/cache:min`;
    await build(host, "-t", "cached:1", "--cache-to", `type=registry,ref=${cache}`);
    await using other = await another();
    await build(other, "-t", "cached:1", "--cache-from", `type=registry,ref=${cache}`);
    const [own, copied] = (await idsOf(host)).split("\n");
    const [otherOwn, otherCopied] = (await idsOf(other)).split("\n");
    expect(otherOwn).toBe(own ?? "");
    expect(otherCopied).not.toBe(copied ?? "");
  });

  test("type=inline: a pushed image is the cache of another build", async () => {
    const name = `${registry.host}/me/inline:1`;
    await build(host, "-t", name, "--push", "--cache-to", "type=inline");
    await using other = await another();
    await build(other, "-t", "cached:1", "--cache-from", name);
    expect((await idsOf(other)).split("\n")[0]).toBe((await idsOf(host)).split("\n")[0] ?? "");
  });

  test("a cache that is not there is reported, and the build goes on", async () => {
    await using other = await another();
    const out = await build(other, "-t", "cached:1", "--cache-from", `${registry.host}/me/none:1`);
    expect(out).toMatch(/importing cache manifest from .*\n(?:.*\n)*?#\d+ ERROR: /);
    expect(await idsOf(other)).toMatch(/^[0-9a-f-]{36}\n[0-9a-f-]{36}$/);
  });

  test("a cache whose layer is another one is not used", async () => {
    const cache = `${registry.host}/me/cache:hostile`;
    await build(host, "-t", "cached:1", "--cache-to", `type=registry,ref=${cache},mode=max`);
    const manifest = registry.manifests.get("me/cache hostile");
    const document = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString());
    const config = JSON.parse(Buffer.from(registry.blobs.get(document.config.digest) ?? []).toString());
    // Each layer has other content than its diffID says.
    for (const layer of config.layers) {
      const tar = gunzipSync(registry.blobs.get(layer.blob) ?? new Uint8Array());
      const evil = gzipSync(Buffer.from(tar.toString("latin1").replaceAll("-", "_"), "latin1"));
      layer.blob = registry.addBlob("me/cache", evil);
      layer.annotations.size = evil.length;
    }
    const bytes = Buffer.from(JSON.stringify(config));
    const digest = registry.addBlob("me/cache", bytes);
    document.config = { ...document.config, digest, size: bytes.length };
    registry.manifests.set("me/cache hostile", {
      mediaType: manifest?.mediaType ?? "",
      bytes: Buffer.from(JSON.stringify(document)),
    });
    await using other = await another();
    const out = await build(other, "-t", "cached:1", "--cache-from", cache);
    expect(out).toContain("has the diffID");
    const ids = await idsOf(other);
    expect(ids).toMatch(/^[0-9a-f-]{36}\n[0-9a-f-]{36}$/);
    expect(ids).not.toBe(await idsOf(host));
  });

  test.each([
    ["--cache-to", "type=gha", 'the cache type "gha" is not supported'],
    ["--cache-from", "type=registry", "ref is required for registry cache"],
    ["--cache-to", "mode=max", "type required form>"],
  ])("%s %s is refused in one sentence", async (flag, value, sentence) => {
    expect(await host.refused(["build", flag, value, join(work, "context")])).toContain(sentence);
  });
});
