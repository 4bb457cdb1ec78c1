import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { Connections, type ConnectionOptions } from "../../src/image/registry/connection.ts";
import { findManifest } from "../../src/image/registry/manifests.ts";
import { Repository } from "../../src/image/registry/repository.ts";
import { type DockerRegistry, makeCertificates, startDockerRegistry } from "../support/docker-registry.ts";
import { busyboxArchive } from "../support/images.ts";
import { Scratch } from "../support/scratch.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const has = (program: string): boolean => Bun.which(program) !== null;

describe.skipIf(!has("openssl"))("TLS with a registry", () => {
  let scratch: Scratch;
  let made: ReturnType<typeof makeCertificates>;
  beforeAll(() => {
    scratch = new Scratch("registry-tls");
    made = makeCertificates(scratch.path);
  });
  afterAll(() => scratch[Symbol.dispose]());

  const ask = async (origin: string, options: ConnectionOptions): Promise<unknown> => {
    using connections = new Connections({ idleMs: 2000, ...options });
    const repository = new Repository({
      origin,
      path: "a/b",
      action: "pull",
      connections,
      credentials: () => Promise.resolve(undefined),
    });
    return await findManifest(repository, "1").catch((thrown: unknown) => thrown);
  };

  test("takes an authority that is configured, and refuses one that is not, in one sentence", async () => {
    await using registry = await TestRegistry.start({ tls: { key: made.key, cert: made.cert } });
    expect(await ask(registry.origin, { tls: { ca: [made.ca] } })).toBeUndefined();
    const refused = await ask(registry.origin, {});
    expect(refused).toBeInstanceOf(Failure);
    expect((refused as Failure).kind).toBe("not-permitted");
    expect((refused as Failure).message).toMatch(
      /^cannot trust 127\.0\.0\.1:\d+: its certificate was not accepted/,
    );
    expect(await ask(registry.origin, { skipVerify: true })).toBeUndefined();
  });

  test("shows its own certificate where one is asked for", async () => {
    await using registry = await TestRegistry.start({ tls: { ...made, ca: made.ca } });
    const clientCertificate = { cert: made.cert, key: made.key };
    expect(await ask(registry.origin, { tls: { ca: [made.ca], clientCertificate } })).toBeUndefined();
    const refused = await ask(registry.origin, { tls: { ca: [made.ca] } });
    expect((refused as Failure).message).toMatch(
      /: it (asks for a certificate of ours|closed the connection)/,
    );
  });

  test("goes through a proxy, with its password, and says when that refuses", async () => {
    await using registry = await TestRegistry.start({ tls: { key: made.key, cert: made.cert } });
    const asked: string[] = [];
    const proxy = await startProxy((head) => {
      asked.push(head);
      return /Basic dTpw$/m.test(head);
    });
    const port = (proxy.address() as AddressInfo).port;
    const tls = { ca: [made.ca] };
    expect(
      await ask(registry.origin, { tls, proxy: new URL(`http://u:p@127.0.0.1:${port}`) }),
    ).toBeUndefined();
    expect(asked[0]).toStartWith(`CONNECT ${registry.host}`);
    const refused = await ask(registry.origin, { tls, proxy: new URL(`http://127.0.0.1:${port}`) });
    expect((refused as Failure).message).toContain(
      `cannot reach ${registry.host} through the proxy 127.0.0.1:${port}: it answered 407`,
    );
    proxy.closeAllConnections();
    proxy.close();
  });
});

async function startProxy(mayPass: (head: string) => boolean): Promise<Server> {
  const proxy = createServer();
  proxy.on("connect", (request, client) => {
    const head = `CONNECT ${request.url}\n${request.headers["proxy-authorization"] ?? ""}`;
    if (!mayPass(head)) return void client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    const [host = "", port = ""] = (request.url ?? "").split(":");
    const server = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    server.on("error", () => client.destroy());
    client.on("error", () => server.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return proxy;
}

/** Debian's docker-registry, as others run it: with TLS and a password. */
describe.skipIf(!isRoot || !has("docker-registry") || !has("skopeo") || !has("openssl"))(
  "docker-registry and skopeo",
  () => {
    let tare: Installation;
    let server: DockerRegistry;
    let host: string;
    let config: string;

    beforeAll(async () => {
      tare = new Installation();
      server = await startDockerRegistry(join(tare.directory, "registry"));
      host = server.host;
      config = join(tare.directory, "docker");
      await tare.must(["load", "-i", busyboxArchive("oci-gzip")]);
      await tare.must(["login", "-u", "me", "--password-stdin", host], {
        input: "secret",
        env: { DOCKER_CONFIG: config },
      });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await tare[Symbol.asyncDispose]();
    });

    const skopeo = (...args: string[]): string =>
      execFileSync("skopeo", [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
    const env = (): Record<string, string> => ({ DOCKER_CONFIG: config });

    test("what we push, skopeo reads, with the digest that we said; what skopeo pushes, we run", async () => {
      const name = `${host}/team/box:1`;
      await tare.must(["tag", "busybox", name]);
      const output = await tare.must(["push", name], { env: env() });
      const [, digest = ""] = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(output) ?? [];
      const source = ["--creds", "me:secret", "--tls-verify=false", `docker://${name}`];
      expect((JSON.parse(skopeo("inspect", ...source)) as { Digest: string }).Digest).toBe(digest);

      const copy = `docker://${host}/team/copy`;
      const options = [
        "--src-creds",
        "me:secret",
        "--dest-creds",
        "me:secret",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
      ];
      skopeo("copy", "-q", ...options, "--format", "v2s2", `docker://${name}`, `${copy}:schema2`);
      skopeo(
        "copy",
        "-q",
        ...options,
        "--dest-compress-format",
        "zstd",
        "--format",
        "oci",
        `docker://${name}`,
        `${copy}:zstd`,
      );
      for (const tag of ["schema2", "zstd"]) {
        const pulled = `${host}/team/copy:${tag}`;
        await tare.must(["pull", "-q", pulled], { env: env() });
        expect(await tare.must(["run", "--rm", pulled, "echo", tag])).toBe(tag);
        const theirs = (
          JSON.parse(
            skopeo("inspect", "--creds", "me:secret", "--tls-verify=false", `docker://${pulled}`),
          ) as { Digest: string }
        ).Digest;
        expect(await tare.must(["image", "inspect", "-f", "{{json .RepoDigests}}", pulled])).toContain(
          `team/copy@${theirs}`,
        );
        // As it came, byte for byte.
        await tare.must(["push", pulled], { env: env() });
        expect(
          (
            JSON.parse(
              skopeo("inspect", "--creds", "me:secret", "--tls-verify=false", `docker://${pulled}`),
            ) as { Digest: string }
          ).Digest,
        ).toBe(theirs);
      }
    });

    test("without the password nothing goes either way", async () => {
      for (const args of [
        ["pull", `${host}/team/box:1`],
        ["push", `${host}/team/box:1`],
      ]) {
        const { status, stderr } = await tare.tare(args, {
          env: { DOCKER_CONFIG: join(tare.directory, "nobody") },
        });
        expect([args, status, stderr]).toEqual([args, 1, expect.stringContaining("access denied")]);
      }
    });
  },
);
