import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { findProgram } from "./command.ts";
import { type Server, startServer } from "./process.ts";
import type { BuiltLayer } from "./built-layer.ts";

/** Debian's docker-registry on a free port of the loopback; disposing ends it and deletes what it kept. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** Puts an image of these layers there, as a builder would; blobs that it has are not sent again. */
  place(repository: string, layers: readonly BuiltLayer[]): Promise<void>;
}

export function hasRegistry(): boolean {
  return findProgram("docker-registry") !== undefined;
}

export async function startRegistry(directory: string): Promise<Registry> {
  mkdirSync(directory, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const settings = `${directory}/config.yml`;
  const lines = [
    "version: 0.1",
    "log: {level: error, accesslog: {disabled: true}}",
    `storage: {filesystem: {rootdirectory: ${directory}/data}, delete: {enabled: true}}`,
    `http: {addr: "${host}"}`,
  ];
  writeFileSync(settings, `${lines.join("\n")}\n`);
  const server: Server = await startServer(["docker-registry", "serve", settings], {
    log: `${directory}/log`,
    isReady: () => answers(host),
  });
  return {
    host,
    place: (repository, layers) => place(`http://${host}/v2/${repository}`, layers),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function place(base: string, layers: readonly BuiltLayer[]): Promise<void> {
  for (const { digest, path } of layers) await upload(base, digest, Bun.file(path));
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/true"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: "bench" })),
  });
  const configDigest = `sha256:${new Bun.CryptoHasher("sha256").update(config).digest("hex")}`;
  await upload(base, configDigest, new Blob([config]));
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      digest: configDigest,
      size: Buffer.byteLength(config),
    },
    layers: layers.map(({ digest, size }) => ({
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      digest,
      size,
    })),
  });
  const headers = { "Content-Type": mediaType };
  await expectOk(await fetch(`${base}/manifests/latest`, { method: "PUT", body: manifest, headers }));
}

async function upload(base: string, digest: string, body: Blob): Promise<void> {
  if ((await fetch(`${base}/blobs/${digest}`, { method: "HEAD" })).ok) return;
  const begun = await expectOk(await fetch(`${base}/blobs/uploads/`, { method: "POST" }));
  const place = new URL(begun.headers.get("location") ?? "", base);
  place.searchParams.set("digest", digest);
  const headers = { "Content-Type": "application/octet-stream" };
  await expectOk(await fetch(place, { method: "PUT", body, headers }));
}

async function expectOk(reply: Response): Promise<Response> {
  if (!reply.ok) throw new Error(`cannot fill the registry: ${reply.status} ${await reply.text()}`);
  return reply;
}

async function answers(host: string): Promise<boolean> {
  try {
    return (await fetch(`http://${host}/v2/`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("cannot find a free port");
  return address.port;
}
