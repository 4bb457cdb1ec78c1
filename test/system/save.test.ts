import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("save", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive("oci-gzip")]);
    await tare.must(["run", "--name", "made", "busybox", "sh", "-c", "echo more > /more"]);
    await tare.must(["commit", "made", "more:1"]);
    await tare.must(["tag", "more:1", "more:2"]);
    await tare.must(["rm", "made"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const unpacked = (archive: string, name: string): string => {
    const directory = join(tare.directory, name);
    mkdirSync(directory);
    expect(spawnSync("tar", ["-xf", archive, "-C", directory]).status).toBe(0);
    return directory;
  };

  test("gives one archive with each blob once, named by what it holds, in both formats", async () => {
    const archive = join(tare.directory, "all.tar");
    await tare.must(["save", "-o", archive, "busybox", "more"]);
    const directory = unpacked(archive, "all");
    const json = (path: string): unknown => JSON.parse(readFileSync(join(directory, path), "utf8"));
    for (const name of readdirSync(join(directory, "blobs/sha256"))) {
      const bytes = readFileSync(join(directory, "blobs/sha256", name));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(name);
    }
    const docker = json("manifest.json") as { Config: string; RepoTags: string[]; Layers: string[] }[];
    expect(docker.map(({ RepoTags }) => [...RepoTags].sort())).toEqual([
      ["busybox:latest"],
      ["more:1", "more:2"],
    ]);
    expect(docker[1]?.Layers[0]).toBe(docker[0]?.Layers[0] ?? "");
    for (const { Config, Layers } of docker)
      for (const path of [Config, ...Layers]) expect(existsSync(join(directory, path))).toBe(true);
    const index = json("index.json") as { manifests: { annotations: Record<string, string> }[] };
    expect(
      index.manifests.map(({ annotations }) => annotations["io.containerd.image.name"] ?? "").sort(),
    ).toEqual(["docker.io/library/busybox:latest", "docker.io/library/more:1", "docker.io/library/more:2"]);
    expect(json("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
  });

  test("gives what load takes, with the same ids and names; the same images give the same bytes", async () => {
    const archives = ["one.tar", "two.tar"].map((name) => join(tare.directory, name));
    for (const archive of archives) await tare.must(["save", "-o", archive, "more:1", "busybox"]);
    const [one, two] = archives.map((archive) => readFileSync(archive));
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    await using other = new Installation();
    await other.must(["load", "-i", archives[0] ?? ""]);
    const list = ["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"];
    const before = (await tare.must(list)).split("\n").filter((line) => !line.startsWith("more:2"));
    expect((await other.must(list)).split("\n").sort()).toEqual(before.sort());
    expect(await other.must(["run", "--rm", "more:1", "cat", "/more"])).toBe("more");
  });

  test.skipIf(spawnSync("sh", ["-c", "command -v skopeo"]).status !== 0)(
    "skopeo reads it as a docker-archive and as an OCI archive, with the same config",
    async () => {
      const archive = join(tare.directory, "skopeo.tar");
      await tare.must(["save", "-o", archive, "more:1"]);
      const id = await tare.must(["inspect", "-f", "{{.Id}}", "more:1"]);
      for (const source of [`docker-archive:${archive}`, `oci-archive:${archive}`]) {
        const { status, stdout, stderr } = spawnSync("skopeo", ["inspect", "--raw", "--config", source], {
          encoding: "buffer",
        });
        expect([source, status, String(stderr)]).toEqual([source, 0, ""]);
        const digest = createHash("sha256").update(stdout).digest("hex");
        expect([source, `sha256:${digest}`]).toEqual([source, id]);
      }
    },
  );

  test("says what is missing before it writes anything", async () => {
    const path = join(tare.directory, "none.tar");
    const { status, stderr } = await tare.tare(["save", "-o", path, "busybox", "nope"]);
    expect([status, stderr, existsSync(path)]).toEqual([1, "tare: No such image: nope\n", false]);
  });
});
