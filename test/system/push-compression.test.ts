import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { type ApiAnswer, askApi } from "../support/ask-api.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { pushPoints } from "../support/fault-push.ts";
import { dieAt, killDaemon } from "../support/fault-run.ts";
import { busyboxRootfsTar, configOf, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const has = (program: string): boolean => Bun.which(program) !== null;
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
/** A layer that becomes much smaller. */
const textLayer = (name: string): Buffer =>
  tarOf([[name, Buffer.alloc(2_000_000, `${name} has many lines\n`)]]);

/** Contents that become half as long. */
const bulkText = (): string =>
  Array.from({ length: 16 }, () =>
    Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))).toString("hex"),
  ).join("");

const oci = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  tar: "application/vnd.oci.image.layer.v1.tar",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
};
const docker = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  tar: "application/vnd.docker.image.rootfs.diff.tar",
  gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly mediaType: string; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

interface Details {
  readonly Id: string;
  readonly RepoDigests: readonly string[];
}

describe.skipIf(!isRoot)("push of layers that are not compressed", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let base: Buffer;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    base = readFileSync(busyboxRootfsTar());
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const load = async (name: string, layers: readonly Buffer[], on = tare): Promise<string> => {
    const whole = `${registry.host}/${name}:1`;
    await on.must(["load", "-q"], { input: tarOf(dockerArchiveMembers([{ layers, names: [whole] }])) });
    return whole;
  };
  const pushed = (name: string): Manifest => {
    const repository = name.slice(registry.host.length + 1).replace(/:1$/, " 1");
    return JSON.parse(String(registry.manifests.get(repository)?.bytes)) as Manifest;
  };
  const inspect = async (name: string, on = tare): Promise<Details> => {
    const [details] = JSON.parse(await on.must(["image", "inspect", name])) as [Details];
    return details;
  };
  const blobPath = (digest: string, on = tare): string =>
    join(on.dataRoot, "content/blobs", digest.replace(":", "/"));
  const files = (folder: string, on = tare): readonly string[] => {
    const path = join(on.dataRoot, "content", folder);
    return existsSync(path) ? readdirSync(path) : [];
  };
  const digestIn = (output: string): string =>
    /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(output)?.[1] ?? "none";
  const inOrder = async (on = tare): Promise<void> => {
    await on.must(["system", "settle"]);
    expect(await on.must(["system", "check", "--verify"])).toContain("in order");
  };
  /** Puts an image of plain tars, under types of Docker's or OCI's. */
  const place = (repository: string, layers: readonly Buffer[], types: typeof docker): string => {
    const config = configOf({ layers });
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: {
        mediaType: types.config,
        digest: registry.addBlob(repository, config),
        size: config.length,
      },
      layers: layers.map((layer) => ({
        mediaType: types.tar,
        digest: registry.addBlob(repository, layer),
        size: layer.length,
      })),
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.addManifest(repository, "1", { bytes, mediaType: types.manifest });
    return `${registry.host}/${repository}:1`;
  };

  test("gzip: the manifest names compressed blobs; the second push sends nothing and compresses nothing", async () => {
    const layers = [base, textLayer("first")];
    const name = await load("gzip/first", layers);
    const { Id: id } = await inspect(name);
    const output = await tare.must(["push", name]);
    const manifest = pushed(name);
    expect(manifest.mediaType).toBe(oci.manifest);
    expect(manifest.config.digest).toBe(id);
    for (const [index, layer] of layers.entries()) {
      const { mediaType, digest, size } = manifest.layers[index] as Manifest["layers"][0];
      const blob = registry.blobs.get(digest) as Uint8Array;
      expect([mediaType, size]).toEqual([oci.gzip, blob.length]);
      expect(digestOf(gunzipSync(blob))).toBe(digestOf(layer));
      expect(registry.blobs.has(digestOf(layer))).toBe(false);
    }
    expect(manifest.layers[1]?.size).toBeLessThan(100_000);
    // What is printed, recorded and stored is one digest.
    const [, path = ""] = name.split(/\/(.*):1$/);
    const bytes = registry.manifests.get(`${path} 1`)?.bytes as Uint8Array;
    expect(digestIn(output)).toBe(digestOf(bytes));
    expect((await inspect(name)).RepoDigests).toEqual([`${registry.host}/${path}@${digestOf(bytes)}`]);

    const before = manifest.layers.map(({ digest }) => statSync(blobPath(digest)));
    const requests = registry.seen.length;
    const again = await tare.must(["push", name]);
    expect(again).toMatch(/^Sent 0B of .*: the rest was there$/m);
    expect(digestIn(again)).toBe(digestOf(bytes));
    const uploads = registry.seen.slice(requests).filter(({ method }) => ["POST", "PATCH"].includes(method));
    expect(uploads).toEqual([]);
    // Compressed anew it would have been read.
    for (const layer of layers) renameSync(blobPath(digestOf(layer)), `${blobPath(digestOf(layer))}-hidden`);
    try {
      expect(digestIn(await tare.must(["push", name]))).toBe(digestOf(bytes));
    } finally {
      for (const layer of layers)
        renameSync(`${blobPath(digestOf(layer))}-hidden`, blobPath(digestOf(layer)));
    }
    expect(manifest.layers.map(({ digest }) => statSync(blobPath(digest)).ino)).toEqual(
      before.map(({ ino }) => ino),
    );
    await inOrder();
  });

  test("pulled back it is the same image, here and elsewhere", async () => {
    const name = await load("gzip/back", [base, textLayer("back")]);
    const { Id: id } = await inspect(name);
    await tare.must(["push", "-q", name]);
    await using other = new Installation();
    await other.must(["pull", "-q", name]);
    expect((await inspect(name, other)).Id).toBe(id);
    expect(await other.must(["run", "--rm", name, "head", "-n", "1", "/back"])).toBe("back has many lines");
    const bytes = registry.sentBlobBytes;
    await tare.must(["pull", "-q", name]);
    expect(registry.sentBlobBytes).toBe(bytes);
    expect((await inspect(name)).Id).toBe(id);
    expect(await tare.must(["push", name])).toMatch(/^Sent 0B of/m);
    await inOrder();
  });

  test("zstd by --compression-format and by compressionFormat of the API; any other is refused", async () => {
    const layer = textLayer("zstd");
    const name = await load("zstd/first", [layer]);
    await tare.must(["push", "--compression-format", "zstd", name]);
    const { mediaType, digest } = pushed(name).layers[0] as Manifest["layers"][0];
    expect(mediaType).toBe(oci.zstd);
    expect(digestOf(zstdDecompressSync(registry.blobs.get(digest) as Uint8Array))).toBe(digestOf(layer));
    // Both forms of a layer are kept.
    await tare.must(["push", "-q", name]);
    expect(pushed(name).layers[0]?.mediaType).toBe(oci.gzip);
    const ask = (format: string): Promise<ApiAnswer> => {
      const path = `/images/${registry.host}/zstd/first/push?tag=1&compressionFormat=${format}`;
      return askApi(tare.socket, "POST", path, undefined, { headers: { "X-Registry-Auth": "e30=" } });
    };
    const accepted = await ask("zstd");
    expect([accepted.status, accepted.text]).toEqual([200, expect.stringContaining("1: digest: ")]);
    expect(pushed(name).layers[0]?.digest).toBe(digest);
    const refused = await ask("xz");
    expect([refused.status, JSON.parse(refused.text)]).toEqual([
      400,
      { message: 'invalid compression format "xz": want gzip or zstd' },
    ]);
    const { status, stderr } = await tare.tare(["push", "--compression-format", "lz4", name]);
    expect([status, stderr]).toEqual([
      125,
      expect.stringContaining('invalid compression format "lz4": want gzip or zstd'),
    ]);
    await inOrder();
  });

  test("Docker's manifest keeps its types for gzip and becomes OCI's for zstd", async () => {
    const layer = textLayer("docker");
    const name = place("docker/first", [layer], docker);
    await tare.must(["pull", "-q", name]);
    const target = `${registry.host}/docker/second:1`;
    await tare.must(["tag", name, target]);
    await tare.must(["push", "-q", target]);
    const gzip = pushed(target);
    expect([gzip.mediaType, gzip.config.mediaType, gzip.layers[0]?.mediaType]).toEqual([
      docker.manifest,
      docker.config,
      docker.gzip,
    ]);
    await tare.must(["push", "-q", "--compression-format", "zstd", target]);
    const zstd = pushed(target);
    expect([zstd.mediaType, zstd.config.mediaType, zstd.layers[0]?.mediaType]).toEqual([
      oci.manifest,
      oci.config,
      oci.zstd,
    ]);
    expect(zstd.config.digest).toBe(gzip.config.digest);
  });

  test("a compressed blob of another image with the layer is sent in place of a new one", async () => {
    const layers = [base, textLayer("shared")];
    const first = await load("shared/first", layers);
    await tare.must(["push", "-q", first]);
    const compressed = pushed(first).layers.map(({ digest }) => digest);
    await using other = new Installation();
    await other.must(["pull", "-q", first]);
    await load("shared/second", [...layers, textLayer("more")], other);
    const output = await other.must(["push", `${registry.host}/shared/second:1`]);
    expect(output.match(/: Mounted from shared\/first$/gm)).toHaveLength(2);
    const second = pushed(`${registry.host}/shared/second:1`).layers.map(({ digest }) => digest);
    expect(second.slice(0, 2)).toEqual(compressed);
    expect(files("compressed", other)).toEqual([`${digestOf(textLayer("more")).replace(":", "-")}.gzip`]);
  });

  test("pushes at once compress a layer once", async () => {
    await using other = new Installation();
    const layers = [base, textLayer("once")];
    const names = await Promise.all(["a", "b", "c", "d"].map((each) => load(`once/${each}`, layers, other)));
    const pushOne = async (name: string): Promise<string> => {
      const path = `/images/${name.replace(/:1$/, "")}/push?tag=1`;
      const headers = { "X-Registry-Auth": "e30=" };
      return (await askApi(other.socket, "POST", path, undefined, { headers })).text;
    };
    const outputs = await Promise.all(names.map(pushOne));
    for (const name of names) expect(pushed(name).layers).toEqual(pushed(names[0] as string).layers);
    expect(files("compressed", other)).toHaveLength(2);
    expect(files("ingest", other)).toEqual([]);
    // A push that waits for another one's compression of a layer reports none.
    const compressing = outputs.flatMap((output) => {
      const messages = output
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { status?: string; id?: string });
      return [...new Set(messages.filter(({ status }) => status === "Compressing").map(({ id }) => id))];
    });
    expect(compressing).toHaveLength(2);
    expect(new Set(compressing).size).toBe(2);
    await inOrder(other);
  });

  test("the result stays as long as the layer, `system df` counts it, and goes with it", async () => {
    await using other = new Installation();
    const layer = textLayer("kept");
    const name = await load("kept/first", [layer], other);
    const blobsOf = async (): Promise<{ readonly Count: number; readonly Size: number }> => {
      const { Store } = JSON.parse(await other.must(["system", "df", "-v", "--format", "json"])) as {
        Store: { Kinds: { Kind: string; Count: number; Size: number }[] };
      };
      return Store.Kinds.find(({ Kind }) => Kind === "blobs") ?? { Count: -1, Size: -1 };
    };
    const before = await blobsOf();
    await other.must(["push", "-q", name]);
    const after = await blobsOf();
    const { digest, size } = pushed(name).layers[0] as Manifest["layers"][0];
    expect(after.Count).toBe(before.Count + 1);
    expect(after.Size - before.Size).toBeGreaterThanOrEqual(size);
    await other.must(["image", "prune", "-f"]);
    await other.must(["daemon", "stop"]);
    await other.must(["system", "settle"]);
    expect(existsSync(blobPath(digest, other))).toBe(true);
    await other.must(["tag", name, "again:1"]);
    await other.must(["rmi", name]);
    await other.must(["system", "settle"]);
    expect(existsSync(blobPath(digest, other))).toBe(true);
    await other.must(["rmi", "again:1"]);
    await other.must(["system", "settle"]);
    expect([files("blobs/sha256", other), files("compressed", other)]).toEqual([[], []]);
  });

  test.each(["rebuild", "refetch"])(
    "--blob-policy %s drops the result, and pushes it again",
    async (policy) => {
      await using other = new Installation();
      await other.must(["--blob-policy", policy, "version"]);
      // Of a small blob too little is saved.
      const layer = tarOf([[policy, bulkText()]]);
      const name = await load(`${policy}/first`, [layer], other);
      await other.must(["system", "settle"]);
      expect(existsSync(blobPath(digestOf(layer), other))).toBe(false);
      for (const format of ["gzip", "zstd"]) {
        await other.must(["push", "-q", "--compression-format", format, name]);
        await other.must(["system", "settle"]);
        const { digest } = pushed(name).layers[0] as Manifest["layers"][0];
        expect([format, existsSync(blobPath(digest, other))]).toEqual([format, false]);
        // Another registry has nothing: the blob is made again.
        await using elsewhere = await TestRegistry.start();
        const target = `${elsewhere.host}/${policy}:1`;
        await other.must(["tag", name, target]);
        await other.must(["push", "-q", "--compression-format", format, target]);
        expect(digestOf(elsewhere.blobs.get(digest) as Uint8Array)).toBe(digest);
      }
      await inOrder(other);
    },
  );

  test("a kill in the middle leaves nothing half-made, and the next push is whole", async () => {
    await using other = new Installation();
    const layer = textLayer("killed");
    const name = await load("killed/first", [layer], other);
    for (const fault of pushPoints) {
      await other.must(["system", "settle"]);
      killDaemon(other);
      await dieAt(other, { args: ["push", name], fault });
      await other.must(["system", "settle"]);
      expect([fault, files("ingest", other)]).toEqual([fault, []]);
      const records = files("compressed", other).map((each) => each.replace(/\..*/, ""));
      const isWhole = fault === "blob.named";
      expect([fault, records]).toEqual([fault, isWhole ? [digestOf(layer).replace(":", "-")] : []]);
      await inOrder(other);
    }
    const output = await other.must(["push", name]);
    expect(digestIn(output)).toMatch(/^sha256:/);
    const { digest } = pushed(name).layers[0] as Manifest["layers"][0];
    expect(digestOf(gunzipSync(registry.blobs.get(digest) as Uint8Array))).toBe(digestOf(layer));
    // A record whose blob was lost is void.
    await other.must(["daemon", "stop"]);
    rmSync(blobPath(digest, other));
    registry.blobs.delete(digest);
    await other.must(["push", "-q", name]);
    expect(digestOf(registry.blobs.get(digest) as Uint8Array)).toBe(digest);
    await inOrder(other);
  });
});

/** As others read it: a registry with TLS and a password, and skopeo. */
describe.skipIf(!isRoot || !has("docker-registry") || !has("skopeo") || !has("openssl"))(
  "docker-registry and skopeo with compressed layers",
  () => {
    let tare: Installation;
    let server: DockerRegistry;
    let env: Readonly<Record<string, string>>;
    const skopeo = (...args: string[]): string =>
      execFileSync("skopeo", ["--insecure-policy", ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    const access = ["--creds", "me:secret", "--tls-verify=false"];

    beforeAll(async () => {
      tare = new Installation();
      server = await startDockerRegistry(join(tare.directory, "registry"));
      env = { DOCKER_CONFIG: join(tare.directory, "docker") };
      await tare.must(["login", "-u", "me", "--password-stdin", server.host], { input: "secret", env });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await tare[Symbol.asyncDispose]();
    });

    test.each([
      ["gzip", oci.gzip],
      ["zstd", oci.zstd],
    ])("skopeo copies and reads what was pushed as %s", async (format, mediaType) => {
      const layers = [readFileSync(busyboxRootfsTar()), textLayer(format)];
      const name = `${server.host}/compressed/${format}:1`;
      await tare.must(["load", "-q"], { input: tarOf(dockerArchiveMembers([{ layers, names: [name] }])) });
      const output = await tare.must(["push", "--compression-format", format, name], { env });
      const raw = skopeo("inspect", "--raw", ...access, `docker://${name}`);
      const manifest = JSON.parse(raw) as Manifest;
      expect(output).toContain(`1: digest: ${digestOf(Buffer.from(raw))} size: ${raw.length}`);
      expect(manifest.layers.map((layer) => layer.mediaType)).toEqual([mediaType, mediaType]);
      const plainBytes = layers.reduce((sum, { length }) => sum + length, 0);
      expect(manifest.layers.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(plainBytes * 0.7);
      const archive = join(tare.directory, `${format}.tar`);
      const from = ["--src-creds", "me:secret", "--src-tls-verify=false"];
      skopeo("copy", ...from, `docker://${name}`, `docker-archive:${archive}:copied:${format}`);
      const id = await tare.must(["image", "inspect", "-f", "{{.Id}}", name]);
      expect(manifest.config.digest).toBe(id);
      await tare.must(["rmi", name]);
      await tare.must(["load", "-q", "-i", archive]);
      expect(await tare.must(["run", "--rm", `copied:${format}`, "head", "-n", "1", `/${format}`])).toBe(
        `${format} has many lines`,
      );
      await tare.must(["rmi", `copied:${format}`]);
      await tare.must(["pull", "-q", name], { env });
      expect(await tare.must(["image", "inspect", "-f", "{{.Id}}", name])).toBe(id);
    });

    test("layers are compressed before they are encrypted", async () => {
      const at = (file: string): string => join(tare.directory, file);
      const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
      openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at("key.pem"));
      openssl("pkey", "-in", at("key.pem"), "-pubout", "-out", at("key.pub"));
      const layer = textLayer("secret");
      const name = `${server.host}/compressed/secret:1`;
      const archive = tarOf(dockerArchiveMembers([{ layers: [layer], names: [name] }]));
      await tare.must(["load", "-q"], { input: archive });
      await tare.must(["push", "-q", "--encryption-key", `jwe:${at("key.pub")}`, name], { env });
      const raw = skopeo("inspect", "--raw", ...access, `docker://${name}`);
      const [sent] = (JSON.parse(raw) as Manifest).layers;
      expect(sent?.mediaType).toBe(`${oci.gzip}+encrypted`);
      expect(sent?.size).toBeLessThan(layer.length / 10);
      const from = ["--src-creds", "me:secret", "--src-tls-verify=false", "--decryption-key", at("key.pem")];
      skopeo("copy", ...from, `docker://${name}`, `oci:${at("opened")}:1`);
      const blobs = readdirSync(join(at("opened"), "blobs/sha256"));
      const opened = blobs.map((each) => readFileSync(join(at("opened"), "blobs/sha256", each)));
      const gzips = opened.filter((bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b);
      expect(gzips.map((bytes) => digestOf(gunzipSync(bytes)))).toEqual([digestOf(layer)]);
      await tare.must(["rmi", name]);
      await tare.must(["pull", "-q", "--decryption-key", at("key.pem"), name], { env });
      expect(await tare.must(["image", "inspect", "-f", "{{len .RootFS.Layers}}", name])).toBe("1");
    });
  },
);
