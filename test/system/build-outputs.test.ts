import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/spec/digest.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

interface Pointer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

let host: Installation;
let work: string;
let registry: TestRegistry;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-outputs-"));
  registry = await TestRegistry.start({ auth: { kind: "token", username: "me", password: "secret" } });
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
  mkdirSync(join(work, "docker"));
  const auth = Buffer.from("me:secret").toString("base64");
  writeFileSync(join(work, "docker/config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
});

afterAll(async () => {
  if (!isRoot) return;
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

function contextOf(dockerfile: string): string {
  const directory = mkdtempSync(join(work, "context-"));
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  return directory;
}

async function build(...words: readonly string[]): Promise<void> {
  const { status, stderr } = await host.tare(["build", ...words], {
    env: { DOCKER_CONFIG: join(work, "docker") },
  });
  if (status !== 0) throw new Error(`tare build ${words.join(" ")}\n${stderr}`);
}

/** A member of an archive. */
function member(archive: string, path: string): Buffer {
  return spawnSync("tar", ["-xOf", archive, path], { maxBuffer: 2 ** 28 }).stdout;
}

function json<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString());
}

function blob(archive: string, { digest }: Pick<Pointer, "digest">): Buffer {
  const bytes = member(archive, `blobs/${digest.replace(":", "/")}`);
  expect(digestOf(bytes)).toBe(digest as ReturnType<typeof digestOf>);
  return bytes;
}

describe.skipIf(!isRoot)("tare build --output", () => {
  const dockerfile = 'FROM base:1\nRUN echo out > /out\nCMD ["cat", "/out"]\n';

  test("an OCI layout has gzip layers, names, and the digest of the metadata", async () => {
    const archive = join(work, "oci.tar");
    const metadata = join(work, "oci.json");
    await build(
      "-t",
      "oci:1",
      "-o",
      `type=oci,dest=${archive}`,
      "--metadata-file",
      metadata,
      contextOf(dockerfile),
    );
    const { manifests } = json<{ manifests: Pointer[] }>(member(archive, "index.json"));
    expect(manifests).toHaveLength(1);
    const [root] = manifests;
    expect(root?.annotations).toMatchObject({
      "io.containerd.image.name": "docker.io/library/oci:1",
      "org.opencontainers.image.ref.name": "1",
    });
    expect(json<Record<string, string>>(readFileSync(metadata))["containerimage.digest"]).toBe(
      root?.digest ?? "",
    );
    const manifest = json<{ layers: Pointer[] }>(blob(archive, root ?? { digest: "" }));
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+gzip",
    ]);
    for (const layer of manifest.layers) blob(archive, layer);
    // It is no image of the engine, until it is loaded.
    expect(await host.refused(["image", "inspect", "oci:1"])).toContain("oci:1");
    await host.must(["load", "-i", archive]);
    expect(await host.must(["run", "--rm", "--network", "none", "oci:1"])).toBe("out");
  });

  test("an OCI layout in a directory", async () => {
    const layout = join(work, "layout");
    await build("-t", "layout:1", "-o", `type=oci,dest=${layout},tar=false`, contextOf(dockerfile));
    const [root] = json<{ manifests: Pointer[] }>(readFileSync(join(layout, "index.json"))).manifests;
    const path = join(layout, "blobs", (root?.digest ?? "").replace(":", "/"));
    expect(digestOf(readFileSync(path)) as string).toBe(root?.digest ?? "");
    await host.must(["load", "-i", layout]);
    expect(await host.must(["run", "--rm", "--network", "none", "layout:1"])).toBe("out");
  });

  test("a docker-archive and files, from one build", async () => {
    const [archive, files] = [join(work, "docker.tar"), join(work, "files")];
    const plain = `type=docker,dest=${archive},compression=uncompressed`;
    await build("-t", "docker:1", "-o", plain, "-o", `type=local,dest=${files}`, contextOf(dockerfile));
    const [image] = json<{ RepoTags: string[]; Layers: string[] }[]>(member(archive, "manifest.json"));
    expect(image?.RepoTags).toEqual(["docker:1"]);
    expect(image?.Layers).toHaveLength(2);
    expect(readFileSync(join(files, "out"), "utf8")).toBe("out\n");
    await host.must(["load", "-i", archive]);
    expect(await host.must(["run", "--rm", "--network", "none", "docker:1"])).toBe("out");
  });

  test("--push sends with the client's credentials, and the metadata has what was pushed", async () => {
    const name = `${registry.host}/me/pushed:1`;
    const metadata = join(work, "push.json");
    await build("-t", name, "--push", "--metadata-file", metadata, contextOf(dockerfile));
    const pushed = registry.manifests.get("me/pushed 1");
    const digest = json<Record<string, string>>(readFileSync(metadata))["containerimage.digest"];
    expect(digest).toBe(digestOf(pushed?.bytes ?? new Uint8Array()));
    const repoDigests = await host.must(["image", "inspect", "--format", "{{json .RepoDigests}}", name]);
    expect(JSON.parse(repoDigests)).toEqual([`${registry.host}/me/pushed@${digest}`]);
    await using other = new Installation();
    const env = { DOCKER_CONFIG: join(work, "docker") };
    await other.must(["pull", "-q", name], { env });
    expect(await other.must(["run", "--rm", "--network", "none", name])).toBe("out");
  });

  test("a push without credentials is one sentence, and the image stays", async () => {
    const name = `${registry.host}/me/refused:1`;
    const { status, stderr } = await host.tare(["build", "-t", name, "--push", contextOf(dockerfile)]);
    expect(status).toBe(1);
    expect(stderr).toContain(`push access denied for ${registry.host}/me/refused`);
    await host.must(["image", "inspect", name]);
  });

  test("SOURCE_DATE_EPOCH with rewrite-timestamp: two data roots give one digest, and no file is later", async () => {
    const context = contextOf(
      "FROM base:1\nRUN mkdir /d && echo a > /d/a && ln -s a /d/b && rm /etc/group\nCOPY c /x/y/c\nWORKDIR /w\n",
    );
    writeFileSync(join(context, "c"), "c");
    const archive = join(work, "base.tar");
    await host.must(["save", "-o", archive, "base:1"]);
    const digests: string[] = [];
    await using other = new Installation();
    await other.must(["load", "-i", archive]);
    for (const [at, engine] of [host, other].entries()) {
      const path = join(work, `epoch-${at}.tar`);
      const words = [
        "build",
        "--no-cache",
        "-t",
        "epoch:1",
        "-o",
        `type=oci,dest=${path},rewrite-timestamp=true`,
      ];
      await engine.must([...words, "--build-arg", "SOURCE_DATE_EPOCH=1000000000", context]);
      const [root] = json<{ manifests: Pointer[] }>(member(path, "index.json")).manifests;
      digests.push(root?.digest ?? "");
      const manifest = json<{ config: Pointer; layers: Pointer[] }>(blob(path, root ?? { digest: "" }));
      for (const layer of manifest.layers.slice(1)) {
        const listing = spawnSync("tar", ["-tvzf", "-", "--full-time", "--utc"], {
          input: blob(path, layer),
        });
        const lines = listing.stdout
          .toString()
          .trimEnd()
          .split("\n")
          .filter((line) => !line.includes("/.wh."));
        expect(lines.length).toBeGreaterThan(0);
        for (const line of lines) expect(line).toContain(" 2001-09-09 01:46:40 ");
      }
      const config = json<{ created: string; history: { created: string }[] }>(blob(path, manifest.config));
      expect(config.created).toBe("2001-09-09T01:46:40.000Z");
      await Bun.sleep(1100);
    }
    expect(digests[0]).toBe(digests[1] ?? "");
    const image = ["build", "-t", "epoch:2", "-o", "type=image,rewrite-timestamp=true"];
    await host.must([...image, "--build-arg", "SOURCE_DATE_EPOCH=1000000000", context]);
    const times = ["run", "--rm", "--network", "none", "epoch:2", "stat", "-c", "%Y", "/d/a", "/x/y/c"];
    expect(await host.must(times)).toBe("1000000000\n1000000000");
    const files = join(work, "epoch-files");
    await host.must(["build", "-o", files, "--build-arg", "SOURCE_DATE_EPOCH=1000000000", context]);
    expect(statSync(join(files, "bin/busybox")).mtimeMs).toBe(1_000_000_000_000);
  });

  test("annotations are in the manifest", async () => {
    const archive = join(work, "annotated.tar");
    await build(
      "-o",
      `type=oci,dest=${archive},annotation.a=1`,
      "--annotation",
      "b=2",
      contextOf(dockerfile),
    );
    const [root] = json<{ manifests: Pointer[] }>(member(archive, "index.json")).manifests;
    const manifest = json<{ annotations: object }>(blob(archive, root ?? { digest: "" }));
    expect(manifest.annotations).toEqual({ a: "1", b: "2" });
  });
});

describe.skipIf(!isRoot)("tare build --attest", () => {
  const dockerfile = "FROM base:1\nARG SECRET=1\nRUN --mount=type=secret,id=s echo out > /out\n";

  /** The statements of an archive's only image, by their types. */
  function statementsOf(archive: string): ReadonlyMap<string, { subject: object[]; predicate: object }> {
    const [root] = json<{ manifests: Pointer[] }>(member(archive, "index.json")).manifests;
    const { manifests } = json<{ manifests: Pointer[] }>(blob(archive, root ?? { digest: "" }));
    const [image, attestation] = manifests;
    expect(manifests).toHaveLength(2);
    expect(attestation?.platform).toEqual({ os: "unknown", architecture: "unknown" });
    expect(attestation?.annotations).toEqual({
      "vnd.docker.reference.digest": image?.digest ?? "",
      "vnd.docker.reference.type": "attestation-manifest",
    });
    const { layers } = json<{ layers: Pointer[] }>(blob(archive, attestation ?? { digest: "" }));
    return new Map(
      layers.map((layer) => {
        const statement = json<{ subject: { digest: { sha256: string } }[]; predicate: object }>(
          blob(archive, layer),
        );
        expect(statement.subject[0]?.digest.sha256).toBe(image?.digest.slice("sha256:".length) ?? "");
        return [layer.annotations?.["in-toto.io/predicate-type"] ?? "", statement];
      }),
    );
  }

  test("provenance of an OCI layout: min without the arguments, max with them", async () => {
    const archive = join(work, "attested.tar");
    const words = ["-t", "app:1", "--build-arg", "SECRET=hidden-value", "--secret", "id=s,env=S", "-o"];
    for (const mode of ["min", "max"]) {
      await build(
        ...words,
        `type=oci,dest=${archive}`,
        "--provenance",
        `mode=${mode}`,
        contextOf(dockerfile),
      );
      const statement = statementsOf(archive).get("https://slsa.dev/provenance/v0.2");
      expect(statement?.subject).toMatchObject([
        { name: expect.stringMatching(/^pkg:docker\/app@1\?platform=linux%2F/) },
      ]);
      expect(statement?.predicate).toMatchObject({
        buildType: "https://mobyproject.org/buildkit@v1",
        materials: [
          { uri: expect.stringMatching(/^pkg:docker\/base@1\?/), digest: { sha256: expect.any(String) } },
        ],
        invocation: {
          configSource: { entryPoint: "Dockerfile" },
          parameters: { locals: [{ name: "context" }] },
        },
        metadata: { completeness: { parameters: mode === "max" } },
      });
      const text = JSON.stringify(statement);
      expect(text.includes("hidden-value")).toBe(mode === "max");
    }
    await host.must(["load", "-i", archive]);
  });

  test("an SBOM by a scanner image, with the provenance, is pushed; the store takes none", async () => {
    const scanner = contextOf(
      [
        "FROM base:1",
        "COPY <<'EOF' /scan",
        "#!/bin/sh",
        'printf \'{"predicateType":"https://spdx.dev/Document","predicate":{"files":"%s"}}\' "$(ls $BUILDKIT_SCAN_SOURCE/out)" > $BUILDKIT_SCAN_DESTINATION/sbom.spdx.json',
        "EOF",
        'ENTRYPOINT ["sh", "/scan"]',
        "",
      ].join("\n"),
    );
    await build("-t", "scanner:1", scanner);
    const archive = join(work, "scanned.tar");
    const attested = ["--sbom", "generator=scanner:1", "--provenance", "true"];
    await build("-o", `type=oci,dest=${archive}`, ...attested, contextOf(dockerfile));
    const statements = statementsOf(archive);
    expect([...statements.keys()].sort()).toEqual([
      "https://slsa.dev/provenance/v0.2",
      "https://spdx.dev/Document",
    ]);
    expect(statements.get("https://spdx.dev/Document")?.predicate).toEqual({
      files: expect.stringMatching(/\/out$/),
    });
    const name = `${registry.host}/me/attested:1`;
    await build("-t", name, "--push", ...attested, contextOf(dockerfile));
    const index = json<{ manifests: Pointer[] }>(
      registry.manifests.get("me/attested 1")?.bytes ?? new Uint8Array(),
    );
    expect(index.manifests.map(({ digest }) => registry.manifests.has(`me/attested ${digest}`))).toEqual([
      true,
      true,
    ]);
    await using other = new Installation();
    await other.must(["pull", "-q", name], { env: { DOCKER_CONFIG: join(work, "docker") } });
    const { stderr } = await host.tare(["build", "--progress", "plain", ...attested, contextOf(dockerfile)]);
    expect(stderr).toContain("WARN: the image store keeps no attestations");
  });

  test("a scanner that fails ends the build with its output", async () => {
    await build(
      "-t",
      "scanner:2",
      contextOf('FROM base:1\nENTRYPOINT ["sh", "-c", "echo no scan; exit 3"]\n'),
    );
    const words = ["build", "--progress", "plain", "--sbom", "generator=scanner:2", contextOf(dockerfile)];
    const stderr = await host.refused(words);
    expect(stderr).toContain("no scan");
    expect(stderr).toContain("did not complete successfully: exit code: 3");
  });
});

describe.skipIf(!isRoot)("tare build --platform", () => {
  const own = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;
  const foreign = own === "linux/amd64" ? "linux/arm64" : "linux/amd64";
  const cross = contextText([
    "FROM --platform=$BUILDPLATFORM base:1 AS make",
    "ARG TARGETARCH",
    "RUN echo for $TARGETARCH > /made",
    "FROM scratch",
    "COPY --from=make /made /made",
  ]);

  test("a cross build of two platforms is an index", async () => {
    const [archive, files] = [join(work, "multi.tar"), join(work, "multi")];
    const platforms = ["--platform", `${own},${foreign}`];
    await build(...platforms, "-o", `type=oci,dest=${archive}`, "-o", files, contextOf(cross));
    const [root] = json<{ manifests: Pointer[] }>(member(archive, "index.json")).manifests;
    expect(root?.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    const { manifests } = json<{ manifests: Pointer[] }>(blob(archive, root ?? { digest: "" }));
    expect(manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)).toEqual([
      own,
      foreign,
    ]);
    for (const [at, manifest] of manifests.entries()) {
      const { config } = json<{ config: Pointer }>(blob(archive, manifest));
      const architecture = [own, foreign][at]?.split("/")[1] ?? "";
      expect(json<object>(blob(archive, config))).toMatchObject({ architecture });
      const made = readFileSync(join(files, `linux_${architecture}`, "made"), "utf8");
      expect(made).toBe(`for ${architecture}\n`);
    }
    await build(...platforms, "-t", `${registry.host}/me/multi:1`, "--push", contextOf(cross));
    const pushed = json<{ manifests: Pointer[] }>(
      registry.manifests.get("me/multi 1")?.bytes ?? new Uint8Array(),
    );
    expect(pushed.manifests.map(({ digest }) => registry.manifests.has(`me/multi ${digest}`))).toEqual([
      true,
      true,
    ]);
    const docker = ["build", ...platforms, "-o", `type=docker,dest=${archive}`, contextOf(cross)];
    expect(await host.refused(docker)).toContain("does not currently support exporting manifest lists");
  });

  const hasHandler = existsSync(
    `/proc/sys/fs/binfmt_misc/qemu-${foreign === "linux/arm64" ? "aarch64" : "x86_64"}`,
  );
  test.skipIf(hasHandler)(
    "a step of a foreign platform is refused in one sentence without a handler",
    async () => {
      const context = contextOf('FROM scratch\nRUN ["/x"]\n');
      const sentence = `cannot run programs of ${foreign} on ${own}: the kernel has no binfmt_misc handler`;
      expect(await host.refused(["build", "--platform", foreign, context])).toContain(sentence);
    },
  );
});

function contextText(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
