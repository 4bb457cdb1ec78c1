import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/spec/digest.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { dieAt, killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const has = (program: string): boolean => Bun.which(program) !== null;

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string };
  readonly layers: {
    mediaType: string;
    digest: string;
    size: number;
    annotations?: Record<string, string>;
  }[];
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}

/** A copy of a layout of one image with a byte of its layer changed, and all digests above made to fit. Gives the layer's. */
function changeLayer(layout: string, copy: string): string {
  cpSync(layout, copy, { recursive: true });
  const pathOf = (digest: string): string => join(copy, "blobs", digest.replace(":", "/"));
  const put = (bytes: Uint8Array): { readonly digest: string; readonly size: number } => {
    const digest = digestOf(bytes);
    writeFileSync(pathOf(digest), bytes);
    return { digest, size: bytes.length };
  };
  const index = readJson(join(copy, "index.json")) as unknown as { manifests: { digest: string }[] };
  const [entry] = index.manifests as [{ digest: string }];
  const manifest = readJson(pathOf(entry.digest)) as unknown as Manifest;
  const [layer] = manifest.layers as [Manifest["layers"][0]];
  const bytes = readFileSync(pathOf(layer.digest));
  rmSync(pathOf(layer.digest));
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  Object.assign(layer, put(bytes));
  Object.assign(entry, put(Buffer.from(JSON.stringify(manifest))));
  writeFileSync(join(copy, "index.json"), JSON.stringify(index));
  return layer.digest;
}

/** Encrypted by skopeo and read here, and the other way round, at a registry with TLS and a password. */
describe.skipIf(!isRoot || !has("docker-registry") || !has("skopeo") || !has("openssl"))(
  "encrypted images",
  () => {
    let tare: Installation;
    let server: DockerRegistry;
    let env: Readonly<Record<string, string>>;
    const at = (name: string): string => join(tare.directory, name);
    const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
    const access = ["--creds", "me:secret", "--tls-verify=false"];
    const skopeo = (...args: string[]): string =>
      execFileSync("skopeo", ["--insecure-policy", ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    const encrypt = (name: string, ...keys: string[]): string => {
      const target = `${server.host}/sealed/${name}:1`;
      const flags = ["--dest-creds", "me:secret", "--dest-tls-verify=false", "--format", "oci"];
      skopeo(
        "copy",
        ...flags,
        ...keys.flatMap((key) => ["--encryption-key", `jwe:${at(key)}`]),
        `docker-archive:${busyboxArchive()}`,
        `docker://${target}`,
      );
      return target;
    };
    const manifestOf = (name: string): Manifest =>
      JSON.parse(skopeo("inspect", "--raw", ...access, `docker://${name}`)) as Manifest;
    const configOf = (name: string): string => manifestOf(name).config.digest.slice(7);
    const blobs = (tare: Installation): readonly string[] =>
      ["blobs/sha256", "partial", "ingest"].flatMap((folder) => {
        try {
          return readdirSync(join(tare.dataRoot, "content", folder));
        } catch {
          return [];
        }
      });
    const refused = async (on: Installation, ...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await on.tare(args, { env });
      expect([args, status]).not.toEqual([args, 0]);
      return stdout + stderr;
    };

    beforeAll(async () => {
      tare = new Installation();
      server = await startDockerRegistry(at("registry"));
      env = { DOCKER_CONFIG: at("docker") };
      await tare.must(["login", "-u", "me", "--password-stdin", server.host], { input: "secret", env });
      openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", at("rsa.pem"));
      openssl("pkey", "-in", at("rsa.pem"), "-pubout", "-out", at("rsa.pub"));
      openssl("pkey", "-in", at("rsa.pem"), "-aes256", "-passout", "pass:open", "-out", at("locked.pem"));
      for (const curve of ["P-256", "P-384"]) {
        openssl(
          "genpkey",
          "-algorithm",
          "EC",
          "-pkeyopt",
          `ec_paramgen_curve:${curve}`,
          "-out",
          at(`${curve}.pem`),
        );
        openssl("pkey", "-in", at(`${curve}.pem`), "-pubout", "-out", at(`${curve}.pub`));
      }
      await tare.must(["load", "-i", busyboxArchive()]);
      await tare.must(["rmi", "busybox"]);
      await tare.must(["system", "settle"]);
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await tare[Symbol.asyncDispose]();
    });

    test.each([
      ["rsa", ["rsa.pub"], "rsa.pem"],
      ["passphrase", ["rsa.pub"], "locked.pem:open"],
      ["ec", ["P-256.pub"], "P-256.pem"],
      ["several", ["rsa.pub", "P-256.pub", "P-384.pub"], "P-384.pem"],
    ])(
      "what skopeo encrypts (%s) is pulled with a key, stored plain, and runs",
      async (name, publicKeys, key) => {
        const image = encrypt(name, ...publicKeys);
        expect(manifestOf(image).layers[0]?.mediaType).toBe(
          "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        );
        await tare.must(["pull", "-q", "--decryption-key", at(key), image], { env });
        expect(await tare.must(["inspect", "-f", "{{.Id}}", image])).toBe(`sha256:${configOf(image)}`);
        expect(await tare.must(["run", "--rm", image, "echo", name])).toBe(name);
        const archive = at(`${name}.tar`);
        await tare.must(["save", "-o", archive, image]);
        await tare.must(["rmi", image]);
        expect(await tare.must(["load", "-i", archive])).toContain(image);
        await tare.must(["rmi", image]);
        await tare.must(["system", "settle"]);
        expect(await tare.must(["system", "check", "--verify"])).toContain("in order");
      },
      120_000,
    );

    test("run pulls with a key, too; wrong keys and no key are said, and leave nothing", async () => {
      const image = encrypt("run", "rsa.pub");
      await using other = new Installation();
      await other.must(["load", "-i", busyboxArchive()]);
      await other.must(["rmi", "busybox"]);
      await other.must(["system", "settle"]);
      expect(blobs(other)).toEqual([]);
      expect(await refused(other, "pull", image)).toMatch(
        /cannot use layer sha256:\w+: it is encrypted: name the file with the private key by --decryption-key/,
      );
      expect(await refused(other, "pull", "--decryption-key", at("P-256.pem"), image)).toMatch(
        /cannot decrypt layer sha256:\w+: the key of --decryption-key does not fit/,
      );
      expect(await refused(other, "run", "--rm", image, "true")).toContain("it is encrypted");
      for (const [key, words] of [
        [at("rsa.pub"), "it is a public key"],
        [at("locked.pem"), "it has a passphrase"],
        [`${at("locked.pem")}:wrong`, "its passphrase is another one"],
        [at("nowhere"), "no such file or directory"],
        ["pgp:x", "keys of kind pgp are not supported"],
        ["pkcs7:x", "keys of kind pkcs7 are not supported"],
        [busyboxArchive(), "it is no private key"],
      ] as const)
        expect([key, await refused(other, "pull", "--decryption-key", key, image)]).toEqual([
          key,
          expect.stringContaining(words),
        ]);
      await other.must(["system", "settle"]);
      expect(blobs(other)).toEqual([]);
      expect(
        await other.must(
          ["run", "--rm", "--quiet", "--decryption-key", at("rsa.pem"), image, "echo", "runs"],
          { env },
        ),
      ).toBe("runs");
      expect(await other.must(["images", "--format", "{{.Repository}}"])).toBe(image.replace(/:1$/, ""));
    }, 120_000);

    test("what was decrypted is not fetched again, from wherever the same manifest comes; another one is", async () => {
      const image = encrypt("again", "rsa.pub");
      const again = `${server.host}/sealed/elsewhere:2`;
      const creds = ["--src-creds", "me:secret", "--dest-creds", "me:secret"];
      const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      skopeo("copy", ...creds, ...insecure, "--preserve-digests", `docker://${image}`, `docker://${again}`);
      const digest = digestOf(skopeo("inspect", "--raw", ...access, `docker://${image}`));
      await using other = new Installation();
      await other.must(["pull", "-q", "--decryption-key", at("rsa.pem"), image], { env });
      const hidden = manifestOf(image).layers.map(({ digest }) => {
        const hex = digest.slice(7);
        return join(at("registry"), "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
      });
      for (const blob of hidden) renameSync(blob, `${blob}-hidden`);
      const before = blobs(other);
      // With a key, with one that fits nothing, and without: what is here is plain.
      for (const key of [["--decryption-key", at("rsa.pem")], ["--decryption-key", at("P-256.pem")], []]) {
        expect(await other.must(["pull", ...key, image], { env })).toContain("Image is up to date for");
        expect(
          await other.must(["run", "--rm", "--pull", "always", ...key, image, "echo", "here"], { env }),
        ).toBe("here");
      }
      await other.must(["pull", "-q", again], { env });
      const digests = await other.must(["inspect", "-f", '{{join .RepoDigests " "}}', again]);
      expect(digests.split(" ").sort()).toEqual(
        [image.replace(/:1$/, ""), again.replace(/:2$/, "")].map((name) => `${name}@${digest}`).sort(),
      );
      expect(await other.must(["push", again], { env })).toContain("WARNING: the layers came encrypted");
      expect([...blobs(other)].sort()).toEqual([...before].sort());
      await other.must(["system", "settle"]);
      expect(await other.must(["system", "check", "--verify"])).toContain("in order");
      // The same configuration, encrypted anew: what is here proves nothing of what is there.
      const anew = encrypt("anew", "rsa.pub");
      expect(configOf(anew)).toBe(configOf(image));
      expect(await refused(other, "pull", anew)).toContain("it is encrypted: name the file");
      await other.must(["rmi", "-f", image, again]);
      await other.must(["system", "settle"]);
      expect(await refused(other, "pull", image)).toContain("it is encrypted: name the file");
      expect(await refused(other, "pull", "--decryption-key", at("rsa.pem"), image)).toContain(
        "blob unknown",
      );
      for (const blob of hidden) renameSync(`${blob}-hidden`, blob);
    }, 120_000);

    test("run finds what was pulled by name and by digest without a registry", async () => {
      const own = await startDockerRegistry(at("short-lived"));
      const name = `${own.host}/sealed/gone`;
      const flags = ["--dest-creds", "me:secret", "--dest-tls-verify=false", "--format", "oci"];
      const source = `docker-archive:${busyboxArchive()}`;
      skopeo("copy", ...flags, "--encryption-key", `jwe:${at("rsa.pub")}`, source, `docker://${name}:1`);
      const digest = digestOf(skopeo("inspect", "--raw", ...access, `docker://${name}:1`));
      await using other = new Installation();
      const ownEnv = { DOCKER_CONFIG: at("docker-2") };
      await other.must(["login", "-u", "me", "--password-stdin", own.host], { input: "secret", env: ownEnv });
      await other.must(["pull", "-q", "--decryption-key", at("rsa.pem"), `${name}:1`], { env: ownEnv });
      await own[Symbol.asyncDispose]();
      for (const each of [`${name}:1`, `${name}@${digest}`])
        expect(await other.must(["run", "--rm", each, "echo", "runs"], { env: ownEnv })).toBe("runs");
    }, 120_000);

    test("archives with encrypted layers are loaded with a key, and refused without", async () => {
      const archive = at("sealed.tar");
      const layout = at("sealed-layout");
      const source = `docker-archive:${busyboxArchive()}`;
      const sealing = ["copy", "--encryption-key", `jwe:${at("rsa.pub")}`, source];
      skopeo(...sealing, `oci-archive:${archive}:example.com/sealed:1`);
      skopeo(...sealing, `oci:${layout}:example.com/sealed:2`);
      await using other = new Installation();
      await other.must(["version"]);
      for (const input of [archive, layout]) {
        expect(await refused(other, "load", "-i", input)).toMatch(
          /cannot use layer sha256:\w+: it is encrypted: name the file with the private key by --decryption-key/,
        );
        expect(await refused(other, "load", "--decryption-key", at("P-256.pem"), "-i", input)).toMatch(
          /cannot decrypt layer sha256:\w+: the key of --decryption-key does not fit/,
        );
      }
      // What was changed after it was encrypted, under the digest that it has now.
      const changed = at("changed-layout");
      const digest = changeLayer(layout, changed);
      expect(await refused(other, "load", "--decryption-key", at("rsa.pem"), "-i", changed)).toContain(
        `cannot decrypt layer ${digest}: it was changed after it was encrypted`,
      );
      expect(await other.must(["images", "-aq"])).toBe("");
      await other.must(["system", "settle"]);
      expect(blobs(other)).toEqual([]);
      for (const [input, tag] of [
        [archive, "1"],
        [layout, "2"],
      ] as const) {
        const loaded = await other.must([
          "load",
          "--decryption-key",
          `${at("locked.pem")}:open`,
          "-i",
          input,
        ]);
        expect(loaded).toContain(`Loaded image: example.com/sealed:${tag}`);
        expect(await other.must(["run", "--rm", `example.com/sealed:${tag}`, "echo", tag])).toBe(tag);
      }
      const saved = at("plain.tar");
      await other.must(["save", "-o", saved, "example.com/sealed:1"]);
      await other.must(["rmi", "example.com/sealed:1", "example.com/sealed:2"]);
      await other.must(["load", "-i", saved]);
      await other.must(["system", "settle"]);
      expect(await other.must(["system", "check", "--verify"])).toContain("in order");
      // What stands in manifest.json, too, is told by the layout beside it.
      const [entry] = readJson(join(layout, "index.json")).manifests as { digest: string }[];
      const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
      const { config, layers } = readJson(join(layout, blob(entry?.digest ?? ""))) as unknown as Manifest;
      const names = {
        Config: blob(config.digest),
        RepoTags: ["both:1"],
        Layers: layers.map((each) => blob(each.digest)),
      };
      writeFileSync(join(layout, "manifest.json"), JSON.stringify([names]));
      const both = execFileSync("tar", ["-C", layout, "-c", "."], { maxBuffer: 1 << 26 });
      const flags = ["--decryption-key", at("rsa.pem")];
      expect(await other.must(["load", ...flags], { input: both })).toContain("Loaded image: both:1");
      expect(await other.must(["run", "--rm", "both:1", "echo", "both"])).toBe("both");
    }, 120_000);

    test("a layer that was changed in the registry is refused, and nothing of it is left", async () => {
      const image = encrypt("changed", "rsa.pub");
      const [layer] = manifestOf(image).layers as [Manifest["layers"][0]];
      const hex = layer.digest.slice(7);
      const blob = join(at("registry"), "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
      const whole = readFileSync(blob);
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(changed.length >> 1) ^ 1, changed.length >> 1);
      writeFileSync(blob, changed);
      await using other = new Installation();
      const said = await refused(other, "pull", "--decryption-key", at("rsa.pem"), image);
      expect(said).toMatch(/what came has digest|its content has digest|cannot decompress|decrypt/);
      await other.must(["system", "settle"]);
      // Its config had come before.
      expect(blobs(other).filter((name) => name !== configOf(image))).toEqual([]);
      expect(await other.must(["images", "-aq"])).toBe("");
      expect(readdirSync(join(other.dataRoot, "storage/overlay/layers"))).toEqual([]);
      writeFileSync(blob, whole);
      await other.must(["pull", "-q", "--decryption-key", at("rsa.pem"), image], { env });
      expect(await other.must(["run", "--rm", image, "echo", "whole"])).toBe("whole");
    }, 120_000);

    test("an engine that is killed while it decrypts leaves nothing that has a name", async () => {
      const image = encrypt("killed", "rsa.pub");
      await using other = new Installation();
      await other.must(["version"]);
      for (const fault of ["pull.configured", "blob.synced:2", "blob.named:2", "pull.layers"] as const) {
        killDaemon(other);
        await dieAt(other, { args: ["pull", "--decryption-key", at("rsa.pem"), image], fault, env });
        await other.must(["system", "settle"]);
        expect([fault, await other.must(["images", "-aq"])]).toEqual([fault, ""]);
        expect(readdirSync(join(other.dataRoot, "content/ingest"))).toEqual([]);
        expect(await other.must(["system", "check", "--verify"])).toContain("in order");
      }
      await other.must(["pull", "-q", "--decryption-key", at("rsa.pem"), image], { env });
      expect(await other.must(["run", "--rm", image, "echo", "runs"])).toBe("runs");
    }, 120_000);

    test("what we encrypt skopeo decrypts, and nobody else reads; one layer of several by its number", async () => {
      await tare.must(["load", "-i", busyboxArchive()]);
      const container = await tare.must(["create", "busybox", "true"]);
      await tare.must(["cp", "-", `${container}:/`], {
        input: execFileSync("tar", ["-C", "/etc", "-c", "hostname"]),
      });
      const name = `${server.host}/ours/sealed:1`;
      await tare.must(["commit", container, name]);
      await tare.must(["rm", container]);
      const output = await tare.must(
        [
          "push",
          "--encryption-key",
          `jwe:${at("rsa.pub")}`,
          "--encryption-key",
          `jwe:${at("P-256.pub")}`,
          name,
        ],
        { env },
      );
      const manifest = manifestOf(name);
      const raw = skopeo("inspect", "--raw", ...access, `docker://${name}`);
      expect(output).toContain(`1: digest: ${digestOf(raw)} size: ${raw.length}`);
      expect(manifest.layers.map(({ mediaType }) => mediaType.endsWith("+encrypted"))).toEqual([true, true]);
      const into = (folder: string, ...keys: string[]): string[] => [
        "copy",
        "--src-creds",
        "me:secret",
        "--src-tls-verify=false",
        ...keys,
        `docker://${name}`,
        `oci:${at(folder)}:1`,
      ];
      for (const key of ["rsa", "P-256"]) {
        skopeo(...into(`theirs-${key}`, "--decryption-key", at(`${key}.pem`)));
        const archive = execFileSync("tar", ["-C", at(`theirs-${key}`), "-c", "."], { maxBuffer: 1 << 26 });
        const loaded = await tare.must(["load"], { input: archive });
        const image = /(?:Loaded image(?: ID)?: )(\S+)/.exec(loaded)?.[1] ?? "";
        expect(await tare.must(["inspect", "-f", "{{.Id}}", image])).toBe(
          await tare.must(["inspect", "-f", "{{.Id}}", name]),
        );
      }
      expect(() => skopeo(...into("theirs-wrong", "--decryption-key", at("P-384.pem")))).toThrow();
      await tare.must(
        ["push", "-q", "--encryption-key", `jwe:${at("rsa.pub")}`, "--encrypt-layer", "-1", name],
        { env },
      );
      expect(manifestOf(name).layers.map(({ mediaType }) => mediaType.endsWith("+encrypted"))).toEqual([
        false,
        true,
      ]);
      await using other = new Installation();
      await other.must(["pull", "-q", "--decryption-key", at("rsa.pem"), name], { env });
      expect(await other.must(["run", "--rm", name, "cat", "/hostname"])).toBe(
        readFileSync("/etc/hostname", "utf8").trim(),
      );
      // As podman: plain, unless it is told otherwise; but it is said.
      expect(await other.must(["push", name], { env })).toContain(
        "WARNING: the layers came encrypted and go out plain",
      );
      expect(manifestOf(name).layers.some(({ mediaType }) => mediaType.endsWith("+encrypted"))).toBe(false);
    }, 120_000);

    test("push refuses keys that can't be, and layers that there are none of", async () => {
      const name = `${server.host}/ours/refused:1`;
      await tare.must(["load", "-i", busyboxArchive()]);
      await tare.must(["tag", "busybox", name]);
      for (const [flags, words] of [
        [["--encryption-key", at("rsa.pub")], "want jwe:FILE"],
        [["--encryption-key", `jwe:${at("rsa.pem")}`], "it is a private key"],
        [["--encryption-key", "pgp:me@example.com"], "keys of kind pgp are not supported"],
        [["--encryption-key", "pkcs7:cert.pem"], "keys of kind pkcs7 are not supported"],
        [
          ["--encryption-key", `jwe:${at("rsa.pub")}`, "--encrypt-layer", "7"],
          "cannot encrypt layer 7: the image has 1",
        ],
        [["--encrypt-layer", "0"], "--encrypt-layer needs an --encryption-key"],
      ] as const)
        expect([flags, await refused(tare, "push", ...flags, name)]).toEqual([
          flags,
          expect.stringContaining(words),
        ]);
      expect(() => manifestOf(name)).toThrow();
    }, 120_000);
  },
);
