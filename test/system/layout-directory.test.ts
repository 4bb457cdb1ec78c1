import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { connectEngine } from "../../src/mod.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("OCI layouts in directories", () => {
  let tare: Installation;
  let place: string;

  beforeAll(async () => {
    tare = new Installation();
    place = join(tare.directory, "layout");
    await tare.must(["load", "-i", busyboxArchive("oci-gzip")]);
    await tare.must(["run", "--name", "made", "busybox", "sh", "-c", "echo more > /more"]);
    await tare.must(["commit", "made", "more:1"]);
    await tare.must(["rm", "made"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const namesIn = (directory: string): string[] =>
    (
      JSON.parse(readFileSync(join(directory, "index.json"), "utf8")) as {
        manifests: { annotations: Record<string, string> }[];
      }
    ).manifests
      .map(({ annotations }) => annotations["io.containerd.image.name"] ?? "")
      .sort();

  test("save writes one, a second save adds to it, load reads it with the same ids", async () => {
    await tare.must(["save", "--format", "oci-dir", "-o", place, "busybox"]);
    expect(readdirSync(place).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    for (const name of readdirSync(join(place, "blobs/sha256"))) {
      const bytes = readFileSync(join(place, "blobs/sha256", name));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(name);
    }
    await tare.must(["save", "--format", "oci-dir", "-o", place, "more:1", "busybox"]);
    expect(namesIn(place)).toEqual(["docker.io/library/busybox:latest", "docker.io/library/more:1"]);
    await using other = new Installation();
    await other.must(["load", "-i", place]);
    const list = ["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"];
    expect((await other.must(list)).split("\n").sort()).toEqual((await tare.must(list)).split("\n").sort());
    expect(await other.must(["run", "--rm", "more:1", "cat", "/more"])).toBe("more");
  });

  test.skipIf(spawnSync("sh", ["-c", "command -v skopeo"]).status !== 0)(
    "skopeo reads it, and we read what skopeo writes, with the same config",
    async () => {
      const id = await tare.must(["inspect", "-f", "{{.Id}}", "more:1"]);
      const own = join(tare.directory, "own");
      await tare.must(["save", "--format", "oci-dir", "-o", own, "more:1"]);
      const theirs = join(tare.directory, "theirs");
      const copied = spawnSync("skopeo", ["copy", "-q", `oci:${own}:1`, `oci:${theirs}:example.com/more:2`], {
        encoding: "utf8",
      });
      expect([copied.status, copied.stderr]).toEqual([0, ""]);
      expect(await tare.must(["load", "-i", theirs])).toContain("Loaded image: example.com/more:2");
      expect(await tare.must(["inspect", "-f", "{{.Id}}", "example.com/more:2"])).toBe(id);
    },
    60_000,
  );

  test("what is no layout is left alone, and said", async () => {
    const full = join(tare.directory, "full");
    mkdirSync(full);
    writeFileSync(join(full, "precious"), "x");
    for (const [args, sentence] of [
      [["save", "--format", "oci-dir", "-o", full, "busybox"], "something else than an OCI layout"],
      [["load", "-i", full], "it is neither an OCI layout nor an unpacked archive"],
      [["save", "--format", "oci-dir", "-o", join(full, "precious"), "busybox"], "not a directory"],
    ] as const) {
      const { status, stderr } = await tare.tare(args);
      expect([args, status, stderr]).toEqual([args, 1, expect.stringContaining(sentence)]);
    }
    expect(readdirSync(full)).toEqual(["precious"]);
    const none = await tare.tare(["save", "--format", "oci-dir", "busybox"]);
    expect([none.status, none.stderr]).toEqual([
      125,
      expect.stringContaining("--format oci-dir needs a directory"),
    ]);
    const missing = join(tare.directory, "missing");
    expect((await tare.tare(["save", "--format", "oci-dir", "-o", missing, "nope"])).stderr).toBe(
      "tare: No such image: nope\n",
    );
    expect(existsSync(missing)).toBe(false);
  });

  test("a link out of the directory brings nothing in", async () => {
    const evil = join(tare.directory, "evil");
    await tare.must(["save", "--format", "oci-dir", "-o", evil, "busybox"]);
    const blobs = join(evil, "blobs/sha256");
    const [name = ""] = readdirSync(blobs);
    rmSync(join(blobs, name));
    symlinkSync("/etc/passwd", join(blobs, name));
    const { status, stderr } = await tare.tare(["load", "-i", evil]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/cannot read the archive|is not in it/)]);
  });

  test("the library saves and loads directories", async () => {
    const mine = join(tare.directory, "mine");
    await using engine = await connectEngine({ host: `unix://${tare.clientSocket}` });
    await engine.saveLayout(["more:1"], mine);
    expect(namesIn(mine)).toEqual(["docker.io/library/more:1"]);
    expect(await engine.load(mine)).toEqual(["more:1"]);
  });
});
