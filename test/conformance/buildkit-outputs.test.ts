import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/spec/digest.ts";
import { busyboxArchive } from "../support/images.ts";
import { slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const docker = Bun.which("docker");
const hasBuildx = docker !== null && spawnSync(docker, ["buildx", "version"]).status === 0;
if (!hasBuildx) console.log("skipped: docker buildx (apt-get install docker-cli docker-buildx)");

describe.skipIf(!isRoot || !hasBuildx)("buildx's outputs of builds by the engine", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let context: string;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start({ auth: { kind: "token", username: "me", password: "secret" } });
    await tare.must(["load", "-i", busyboxArchive()]);
    mkdirSync(join(tare.directory, ".docker"));
    const auth = Buffer.from("me:secret").toString("base64");
    const config = { auths: { [registry.host]: { auth } } };
    writeFileSync(join(tare.directory, ".docker/config.json"), JSON.stringify(config));
    context = join(tare.directory, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), 'FROM busybox\nRUN echo out > /out\nCMD ["cat", "/out"]\n');
    await run("buildx", "create", "--name", "direct", "--driver", "remote", `unix://${tare.socket}`);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  // The registry is in this process: it has to answer meanwhile.
  const run = async (...args: readonly string[]): Promise<string> => {
    const environment = {
      PATH: process.env["PATH"] ?? "",
      HOME: tare.directory,
      DOCKER_HOST: `unix://${tare.socket}`,
      BUILDX_NO_DEFAULT_ATTESTATIONS: "1",
    };
    const child = spawn(docker ?? "", args, { cwd: tare.directory, env: environment });
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    child.stderr.on("data", (piece: Buffer) => pieces.push(piece));
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000 * slowness);
    const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearTimeout(timer);
    const out = Buffer.concat(pieces).toString();
    if (status !== 0) throw new Error(`docker ${args.join(" ")}: status ${status}\n${out}`);
    return out;
  };
  const build = async (...args: readonly string[]): Promise<string> =>
    run("buildx", "build", "--progress=plain", ...args, context);
  const member = (archive: string, path: string): Buffer =>
    spawnSync("tar", ["-xOf", join(tare.directory, archive), path], { maxBuffer: 2 ** 28 }).stdout;
  const facts = (name: string): Readonly<Record<string, string>> =>
    JSON.parse(readFileSync(join(tare.directory, name), "utf8"));

  test.each(["default", "direct"])("archives come to the client of the builder %s", async (builder) => {
    const metadata = ["--builder", builder, "--metadata-file", "facts.json"];
    await build(...metadata, "-t", "archived:1", "-o", "type=oci,dest=oci.tar");
    const [root] = JSON.parse(member("oci.tar", "index.json").toString()).manifests;
    expect(root.annotations["io.containerd.image.name"]).toBe("docker.io/library/archived:1");
    expect(facts("facts.json")["containerimage.digest"]).toBe(root.digest);
    const bytes = member("oci.tar", `blobs/${root.digest.replace(":", "/")}`);
    expect(digestOf(bytes)).toBe(root.digest);
    await build(...metadata, "-t", "archived:1", "-o", "type=docker,dest=docker.tar");
    expect(await run("load", "-i", "docker.tar")).toContain("archived:1");
    expect(await run("run", "--rm", "--network", "none", "archived:1")).toBe("out\n");
  });

  test("--push by the Docker builder and by a builder of its own", async () => {
    for (const [builder, tag] of [
      ["default", "1"],
      ["direct", "2"],
    ]) {
      const name = `${registry.host}/me/app:${tag}`;
      await build("--builder", builder ?? "", "-t", name, "--push", "--metadata-file", "pushed.json");
      const pushed = registry.manifests.get(`me/app ${tag}`);
      expect(facts("pushed.json")["containerimage.digest"]).toBe(digestOf(pushed?.bytes ?? new Uint8Array()));
    }
    const [one, two] = ["1", "2"].map((tag) => registry.manifests.get(`me/app ${tag}`)?.bytes);
    expect(Buffer.from(one ?? [])).toEqual(Buffer.from(two ?? []));
  });

  test("the cache goes to a registry and into images, and comes back", async () => {
    const [cache, name] = [`${registry.host}/me/cache:1`, `${registry.host}/me/inline:1`];
    await build("-t", "cached:1", "--cache-to", `type=registry,ref=${cache},mode=max`);
    await build("-t", name, "--cache-to", "type=inline", "--push");
    for (const from of [cache, name]) {
      await run("builder", "prune", "-af");
      const out = await build("-t", "cached:2", "--cache-from", `type=registry,ref=${from}`);
      expect(out).toContain(`importing cache manifest from ${from}`);
      expect(out).toMatch(/RUN echo out > \/out\n#\d+ CACHED/);
    }
    const out = await build("--cache-to", "type=local,dest=cache");
    expect(out).toContain('WARN: the cache is not exported as "local"');
  });

  test("attestations are in the index of an OCI layout, and are not asked of the image store", async () => {
    const out = await build(
      "-t",
      "attested:1",
      "--attest",
      "type=provenance,mode=max",
      "-o",
      "type=oci,dest=attested.tar",
    );
    expect(out).not.toContain("WARN");
    const [root] = JSON.parse(member("attested.tar", "index.json").toString()).manifests;
    const blob = (digest: string): Buffer => member("attested.tar", `blobs/${digest.replace(":", "/")}`);
    const { manifests } = JSON.parse(blob(root.digest).toString());
    expect(manifests[1].annotations["vnd.docker.reference.digest"]).toBe(manifests[0].digest);
    const { layers } = JSON.parse(blob(manifests[1].digest).toString());
    const { predicate } = JSON.parse(blob(layers[0].digest).toString());
    expect(predicate).toMatchObject({
      invocation: { parameters: { frontend: "dockerfile.v0" } },
      materials: [{ uri: expect.stringContaining("pkg:docker/busybox@latest") }],
      metadata: { completeness: { parameters: true } },
    });
    expect(await build("-t", "attested:1", "--provenance=true")).toContain("keeps no attestations");
  });

  test("several platforms are pushed as an index, and one of them is stored", async () => {
    const cross = join(tare.directory, "cross");
    mkdirSync(cross);
    const lines = [
      "FROM --platform=$BUILDPLATFORM busybox AS make",
      "ARG TARGETARCH",
      "RUN echo $TARGETARCH > /made",
    ];
    writeFileSync(join(cross, "Dockerfile"), `${lines.join("\n")}\nFROM scratch\nCOPY --from=make /made /\n`);
    const name = `${registry.host}/me/multi:1`;
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    const words = ["buildx", "build", "--progress=plain", "--builder", "direct", ...platforms];
    await run(...words, "--push", "-t", name, cross);
    const index = JSON.parse(Buffer.from(registry.manifests.get("me/multi 1")?.bytes ?? []).toString());
    const found = index.manifests.map(
      ({ platform }: { platform: { architecture: string } }) => platform.architecture,
    );
    // buildx gives the platforms in any order.
    expect(found.toSorted()).toEqual(["amd64", "arm64"]);
    const out = await run("buildx", "build", "--progress=plain", ...platforms, "-t", "multi:1", cross);
    expect(out).toContain("WARN: a name of the image store has one platform: linux/");
    expect(await run("image", "inspect", "--format", "{{.Os}}", "multi:1")).toContain("linux");
  });

  test("a push by digest sets no tag", async () => {
    const name = `${registry.host}/me/digest`;
    await build("--builder", "direct", "-o", `type=image,name=${name},push-by-digest=true,push=true`);
    const keys = [...registry.manifests.keys()].filter((key) => key.startsWith("me/digest "));
    expect(keys).toEqual([expect.stringMatching(/^me\/digest sha256:/)]);
  });
});
