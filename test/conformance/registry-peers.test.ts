import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findDockerCli } from "../support/docker-cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const has = (program: string): boolean => Bun.which(program) !== null;
const docker = findDockerCli();

/** Others that read what we write, and write what we read, at a registry with TLS and a password. */
describe.skipIf(!isRoot || !has("docker-registry") || !has("openssl"))("docker-registry and", () => {
  let tare: Installation;
  let server: DockerRegistry;
  let env: Readonly<Record<string, string>>;
  let id: string;

  beforeAll(async () => {
    tare = new Installation();
    server = await startDockerRegistry(join(tare.directory, "registry"));
    env = { DOCKER_CONFIG: join(tare.directory, "docker") };
    await tare.must(["load", "-i", busyboxArchive("oci-gzip")]);
    await tare.must(["login", "-u", "me", "--password-stdin", server.host], { input: "secret", env });
    await tare.must(["tag", "busybox", `${server.host}/ours:1`]);
    await tare.must(["push", `${server.host}/ours:1`], { env });
    id = await tare.must(["inspect", "-f", "{{.Id}}", "busybox"]);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const digestOf = async (name: string): Promise<string> =>
    /@(sha256:[0-9a-f]{64})/.exec(
      await tare.must(["image", "inspect", "-f", '{{join .RepoDigests " "}}', name]),
    )?.[1] ?? "none";

  test.skipIf(!has("podman"))(
    "podman: pulls what we push, and we what it pushes; saves and loads both ways; ids and digests stay",
    async () => {
      const directory = join(tare.directory, "podman");
      mkdirSync(directory);
      const places = ["--root", join(directory, "root"), "--runroot", join(directory, "run")];
      const podman = (...args: string[]): string =>
        execFileSync("podman", [...places, "--storage-driver", "vfs", ...args], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
          env: { ...process.env, TMPDIR: directory, PODMAN_IGNORE_CGROUPSV1_WARNING: "1" },
        }).trim();
      const access = ["--creds", "me:secret", "--tls-verify=false", "-q"];
      const [ours, theirs] = [`${server.host}/ours:1`, `${server.host}/podman/theirs:1`];
      expect(`sha256:${podman("pull", ...access, ours)}`).toBe(id);
      expect(podman("images", "--digests", "--format", "{{.Digest}}", ours)).toBe(await digestOf(ours));

      podman("tag", ours, theirs);
      const digestFile = join(directory, "digest");
      podman("push", ...access, "--digestfile", digestFile, theirs);
      await tare.must(["pull", "-q", theirs], { env });
      expect(await tare.must(["inspect", "-f", "{{.Id}}", theirs])).toBe(id);
      expect(await digestOf(theirs)).toBe(readFileSync(digestFile, "utf8").trim());

      for (const format of ["oci-archive", "docker-archive"]) {
        const archive = join(directory, `${format}.tar`);
        podman("save", "-q", "--format", format, "-o", archive, theirs);
        await using other = new Installation();
        expect(await other.must(["load", "-i", archive])).toBe(`Loaded image: ${theirs}`);
        expect(await other.must(["inspect", "-f", "{{.Id}}", theirs])).toBe(id);
        expect(await other.must(["run", "--rm", theirs, "echo", format])).toBe(format);
      }
      const saved = join(directory, "saved.tar");
      await tare.must(["save", "-o", saved, theirs]);
      podman("rmi", "-f", theirs, ours);
      expect(podman("load", "-q", "-i", saved)).toBe(`Loaded image: ${theirs}`);
      expect(podman("images", "--no-trunc", "--format", "{{.ID}}", theirs)).toBe(id);
    },
    180_000,
  );

  test.skipIf(docker === undefined)(
    "docker-cli, by way of our daemon: login, push, pull, save, load, logout",
    async () => {
      const home = join(tare.directory, "docker-home");
      const run = (args: readonly string[], input = "") =>
        spawnSync(docker ?? "", ["-H", `unix://${tare.clientSocket}`, ...args], {
          encoding: "utf8",
          input,
          env: { PATH: "/usr/bin:/bin", DOCKER_CONFIG: home },
        });
      const must = (args: readonly string[], input = ""): string => {
        const { status, stdout, stderr } = run(args, input);
        expect([args, status, stderr.replace(/^WARNING!.*\n(.*\n){0,2}/m, "").trim()]).toEqual([args, 0, ""]);
        return stdout.trim();
      };
      const name = `${server.host}/by/docker:1`;
      must(["tag", "busybox", name]);
      const refused = run(["push", name]);
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("access denied")]);
      const wrong = run(["login", "-u", "me", "--password-stdin", server.host], "wrong");
      expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("unauthorized")]);
      expect(must(["login", "-u", "me", "--password-stdin", server.host], "secret")).toContain(
        "Login Succeeded",
      );
      const [, digest = ""] = /1: digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(must(["push", name])) ?? [];
      must(["rmi", name]);
      expect(must(["pull", name])).toContain(`Digest: ${digest}`);
      expect(must(["image", "inspect", "-f", "{{.Id}}", name])).toBe(id);
      const archive = join(tare.directory, "docker.tar");
      must(["save", "-o", archive, name]);
      must(["rmi", name]);
      expect(must(["load", "-i", archive])).toBe(`Loaded image: ${name}`);
      must(["tag", name, `${server.host}/by/docker:2`]);
      must(["push", "-q", "-a", `${server.host}/by/docker`]);
      must(["rmi", `${server.host}/by/docker:2`]);
      must(["pull", "-q", "-a", `${server.host}/by/docker`]);
      expect(
        must(["images", "--format", "{{.Tag}}", `${server.host}/by/docker`])
          .split("\n")
          .sort(),
      ).toEqual(["1", "2"]);
      must(["logout", server.host]);
      expect(run(["pull", name]).status).toBe(1);
    },
    120_000,
  );

  test.skipIf(!has("skopeo"))(
    "skopeo: reads the manifest lists that we push",
    async () => {
      const list = `${server.host}/list:1`;
      await tare.must(["manifest", "create", list, `${server.host}/ours:1`], { env });
      const digest = (await tare.must(["manifest", "push", list], { env })).split("\n").at(-1);
      const skopeo = (...args: string[]): string =>
        execFileSync("skopeo", [...args, "--creds", "me:secret", "--tls-verify=false", `docker://${list}`], {
          encoding: "utf8",
        });
      const raw = skopeo("inspect", "--raw");
      expect(`sha256:${new Bun.CryptoHasher("sha256").update(raw).digest("hex")}`).toBe(digest ?? "");
      expect(skopeo("inspect", "--format", "{{.Digest}}").trim()).toBe(digest ?? "");
    },
    60_000,
  );
});
