import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  busyboxRootfsTar,
  configOf,
  dockerArchiveMembers,
  tarOf,
  type TestImage,
} from "../support/images.ts";
import { placeImage } from "../support/registry-images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { type SeenRequest, TestRegistry } from "../support/test-registry.ts";

const isLayer = ({ method, url }: SeenRequest): boolean => method === "GET" && url.includes("/blobs/");

describe.skipIf(!isRoot)("pull", () => {
  let tare: Installation;
  let registry: TestRegistry;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    addImage("library/box", "1", [readFileSync(busyboxRootfsTar())]);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  /** Gives the digests of the layers' blobs. */
  const addImage = (repository: string, tag: string, layers: readonly Uint8Array[]): readonly string[] => {
    const image: TestImage = { layers, config: { Cmd: ["sh"] } };
    const config = configOf(image);
    const blobs = layers.map((layer) => gzipSync(layer, { level: 1 }));
    const digests = blobs.map((blob) => registry.addBlob(repository, blob));
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: registry.addBlob(repository, config),
        size: config.length,
      },
      layers: blobs.map((blob, index) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: digests[index],
        size: blob.length,
      })),
    };
    registry.addManifest(repository, tag, {
      bytes: Buffer.from(JSON.stringify(manifest)),
      mediaType: manifest.mediaType,
    });
    return digests;
  };
  const random = (bytes: number): Uint8Array =>
    crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536)));
  /** A layer that gzip can't make smaller. */
  const bulk = (megabytes: number): Buffer => {
    const pieces = Array.from({ length: megabytes * 16 }, () => random(65_536));
    return tarOf([["bulk", Buffer.concat(pieces)]]);
  };

  test("brings an image that runs, says what happens, and knows the second time that it has it", async () => {
    const name = `${registry.host}/library/box:1`;
    const first = await tare.must(["pull", name]);
    expect(first).toContain("1: Pulling from library/box");
    expect(first).toMatch(/^[0-9a-f]{12}: Pull complete$/m);
    expect(first).toMatch(/^Fetched ([\d.]+[kM]B) of \1$/m);
    expect(first).toMatch(/^Digest: sha256:[0-9a-f]{64}$/m);
    expect(first).toContain(`Status: Downloaded newer image for ${name}`);
    expect(await tare.must(["run", "--rm", name, "echo", "hello"])).toBe("hello");
    const sent = registry.sentBlobBytes;
    const second = await tare.must(["pull", name]);
    expect(second).toContain(`Status: Image is up to date for ${name}`);
    expect(second).toMatch(/^Fetched 0B of [\d.]+[kM]B: the rest was there$/m);
    expect(registry.sentBlobBytes).toBe(sent);
    const [details] = JSON.parse(await tare.must(["image", "inspect", name])) as { RepoDigests: string[] }[];
    expect(details?.RepoDigests).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+\/library\/box@sha256:[0-9a-f]{64}$/),
    ]);
  });

  test("run pulls what is missing; what nobody has is said in Docker's words", async () => {
    const name = `${registry.host}/library/box:1`;
    await tare.must(["rmi", name]);
    expect(await tare.must(["run", "--rm", "-q", name, "echo", "again"])).toBe("again");
    const missing = await tare.tare(["pull", `${registry.host}/library/box:9`]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/^tare: manifest for .*\/library\/box:9 not found: .*manifest unknown/);
  });

  test("a layer that is not what its digest says leaves nothing", async () => {
    const [digest = ""] = addImage("evil/lie", "1", [bulk(1)]);
    const size = registry.blobs.get(digest)?.length ?? 0;
    registry.fault = (seen) =>
      isLayer(seen) && seen.url.endsWith(digest) ? { kind: "lie", bytes: Buffer.alloc(size, 7) } : undefined;
    const { status, stderr } = await tare.tare(["pull", `${registry.host}/evil/lie:1`]);
    registry.fault = undefined;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tare: cannot pull /m);
    expect(await tare.must(["images", "-q", `${registry.host}/evil/lie`])).toBe("");
    expect(await tare.must(["pull", "-q", `${registry.host}/evil/lie:1`])).toContain("evil/lie:1");
  });

  test("a daemon that is killed in the middle of a pull goes on where it was, whenever that is", async () => {
    for (let round = 0; round < 5; round++) {
      const repository = `kill/r${round}`;
      const digests = addImage(repository, "1", [bulk(3), bulk(2), bulk(1)]);
      const name = `${registry.host}/${repository}:1`;
      const total = digests.reduce((sum, digest) => sum + (registry.blobs.get(digest)?.length ?? 0), 0);
      // So much of each blob comes, and then nothing more: the daemon dies while it waits.
      const part = 200_000 + round * 400_000;
      registry.fault = (seen) => (isLayer(seen) ? { kind: "stall", afterBytes: part } : undefined);
      const pulling = tare.tare(["pull", name]);
      const partial = join(tare.dataRoot, "content/partial");
      const kept = (): number =>
        digests
          .map((digest) => join(partial, digest.replace(":", "-")))
          .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
      const until = Date.now() + 20_000;
      const isEarly = (): boolean => (round === 0 ? readdirSync(partial).length === 0 : kept() < 100_000);
      while (isEarly() && Date.now() < until) await Bun.sleep(10);
      await Bun.sleep(20 * round);
      process.kill(tare.daemonPid() ?? 0, "SIGKILL");
      expect((await pulling).status).toBe(1);
      registry.fault = undefined;
      const [keptFirst, sentFirst] = [kept(), registry.sentBlobBytes];
      expect(await tare.must(["pull", "-q", name])).toContain(repository);
      // Nothing comes twice of what was kept in part when it was killed; the config is small.
      expect(registry.sentBlobBytes - sentFirst).toBeLessThan(total - keptFirst + 64 * 1024);
      // In later rounds the shortest may be whole by then.
      if (round === 1) expect(keptFirst).toBeGreaterThan(0);
      expect(await tare.must(["run", "--rm", name, "true"]).catch((thrown: Error) => thrown.message)).toMatch(
        /true/,
      );
      expect(readdirSync(partial)).toEqual([]);
    }
    expect(await tare.must(["system", "check"])).not.toContain("problem");
  }, 120_000);

  test("pulls at once share what is the same", async () => {
    const shared = bulk(4);
    const [digest = ""] = addImage("share/a", "1", [shared]);
    addImage("share/b", "1", [shared, tarOf([["b", "b"]])]);
    const size = registry.blobs.get(digest)?.length ?? 0;
    const before = registry.sentBlobBytes;
    const names = ["share/a:1", "share/b:1", "share/a:1", "share/b:1"].map(
      (name) => `${registry.host}/${name}`,
    );
    await Promise.all(names.map((name) => tare.must(["pull", "-q", name])));
    expect(registry.sentBlobBytes - before).toBeLessThan(size + 64 * 1024);
  });

  test("an image that was loaded is not downloaded again, and is whole", async () => {
    const layers = [readFileSync(busyboxRootfsTar()), bulk(1)];
    const { name, manifest, config } = placeImage(registry, { repository: "loaded/box", layers });
    const archive = tarOf(dockerArchiveMembers([{ layers, names: [name], config: { Cmd: ["sh"] } }]));
    await tare.must(["load"], { input: archive });
    const sent = registry.sentBlobBytes;
    const said = await tare.must(["pull", name]);
    expect(said).toContain(`Status: Image is up to date for ${name}`);
    expect(said).toContain(`Digest: ${manifest}`);
    expect(registry.sentBlobBytes - sent).toBeLessThan(64 * 1024);
    const [details] = JSON.parse(await tare.must(["image", "inspect", name])) as {
      Id: string;
      RepoDigests: string[];
    }[];
    expect(details?.Id).toBe(config);
    expect(details?.RepoDigests).toEqual([`${name.replace(/:1$/, "")}@${manifest}`]);
    expect(await tare.must(["run", "--rm", `${name.replace(/:1$/, "")}@${manifest}`, "echo", "runs"])).toBe(
      "runs",
    );
    expect(await tare.must(["pull", "-q", name])).toBe(name);
    const copy = `${registry.host}/loaded/copy:1`;
    await tare.must(["tag", name, copy]);
    await tare.must(["push", copy]);
    expect(await tare.must(["system", "check"])).not.toContain("problem");
    const saved = join(tare.directory, "loaded.tar");
    await tare.must(["save", "-o", saved, name]);
    await tare.must(["rmi", "-f", config]);
    // What is still being removed is no finding.
    expect(await tare.must(["system", "check"])).not.toContain("problem");
    expect(await tare.must(["load", "-i", saved])).toContain(name);
  });

  test("a layer that nobody may hand on is taken where the registry has it", async () => {
    const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    const layers = [readFileSync(busyboxRootfsTar()), bulk(1)];
    const { name, layers: digests } = placeImage(registry, { repository: "foreign/box", layers, mediaType });
    expect(await tare.must(["run", "--rm", "-q", name, "echo", "runs"])).toBe("runs");
    const lacking = placeImage(registry, { repository: "foreign/other", layers: [bulk(1)], mediaType });
    registry.blobs.delete(lacking.layers[0] ?? "");
    const { status, stderr } = await tare.tare(["pull", lacking.name]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(
        `is of type "${mediaType}", and the registry does not keep it: it must be fetched from elsewhere`,
      ),
    ]);
    expect(digests).toHaveLength(2);
  });

  test("emits one event for each pull, as dockerd does", async () => {
    const { name } = placeImage(registry, { repository: "told/box", layers: [bulk(1)] });
    const since = String(Date.now() / 1000);
    for (let count = 0; count < 2; count++) await tare.must(["pull", "-q", name]);
    const range = ["--since", since, "--until", String(Date.now() / 1000)];
    const lines = await tare.must(["events", ...range, "--filter", "type=image", "--format", "{{json .}}"]);
    const pulled = { Action: "pull", Actor: { ID: name, Attributes: { name: name.replace(/:1$/, "") } } };
    expect(lines.split("\n").map((line) => JSON.parse(line) as unknown)).toMatchObject([pulled, pulled]);
    const filtered = await tare.must([
      "events",
      ...range,
      "--filter",
      `image=${name}`,
      "--format",
      "{{.Action}}",
    ]);
    expect(filtered.split("\n")).toEqual(["pull", "pull"]);
  });

  test("credentials come from Docker's configuration", async () => {
    await using closed = await TestRegistry.start({
      auth: { kind: "token", username: "me", password: "secret" },
    });
    for (const [key, value] of registry.manifests) closed.manifests.set(key, value);
    for (const [, bytes] of registry.blobs) closed.addBlob("library/box", bytes);
    const name = `${closed.host}/library/box:1`;
    const refused = await tare.tare(["pull", name]);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("pull access denied for")]);
    const config = join(tare.directory, "docker");
    await Bun.write(
      join(config, "config.json"),
      JSON.stringify({ auths: { [closed.host]: { auth: Buffer.from("me:secret").toString("base64") } } }),
    );
    expect(await tare.must(["pull", "-q", name], { env: { DOCKER_CONFIG: config } })).toBe(name);
    writeFileSync(join(config, "config.json"), "{");
    const broken = await tare.tare(["pull", name], { env: { DOCKER_CONFIG: config } });
    expect(broken.stderr).toStartWith(`tare: cannot read ${config}/config.json: `);
  });
});
