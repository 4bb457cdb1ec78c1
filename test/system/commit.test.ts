import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

interface Inspected {
  readonly Author: string;
  readonly Comment: string;
  readonly Config: {
    readonly Cmd: readonly string[];
    readonly Env: readonly string[];
    readonly User: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
}

describe.skipIf(!isRoot)("commit", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const inspect = async (name: string): Promise<Inspected> => {
    const [found] = JSON.parse(await tare.must(["image", "inspect", name])) as [Inspected];
    return found;
  };

  test("an image has its parent, which stays without a name until its last child goes", async () => {
    const ask = async (method: string, path: string): Promise<readonly [number, unknown]> => {
      const { status, text } = await askApi(tare.socket, method, path);
      return [status, JSON.parse(text)];
    };
    await tare.must(["create", "--name", "parent", "busybox", "true"]);
    await tare.must(["commit", "parent", "base:1"]);
    await tare.must(["create", "--name", "child", "base:1", "true"]);
    await tare.must(["commit", "child", "child:1"]);
    await tare.must(["rm", "parent", "child"]);
    const base = JSON.parse(await tare.must(["image", "inspect", "base:1"]))[0].Id as string;
    const child = JSON.parse(await tare.must(["image", "inspect", "child:1"]))[0];
    expect(child.Parent).toBe(base);
    const [, history] = await ask("GET", "/images/child:1/history");
    expect((history as readonly object[]).slice(0, 2)).toMatchObject([
      { Id: child.Id, Tags: ["child:1"] },
      { Id: base, Tags: ["base:1"] },
    ]);
    expect(await ask("DELETE", "/images/base:1")).toEqual([200, [{ Untagged: "base:1" }]]);
    expect(await ask("DELETE", `/images/${base}?force=1`)).toEqual([
      409,
      {
        message: `conflict: unable to delete ${base.slice(7, 19)} (cannot be forced) - image has dependent child images`,
      },
    ]);
    const ids = async (query: string): Promise<readonly string[]> => {
      const [, rows] = await ask("GET", `/images/json?${query}`);
      return (rows as readonly { readonly Id: string }[]).map(({ Id }) => Id);
    };
    expect(await ids("all=0")).not.toContain(base);
    expect(await ids("all=1")).toContain(base);
    await tare.must(["rmi", "--no-prune", "child:1"]);
    expect(await ids("all=0")).toContain(base);
    await tare.must(["rmi", base]);
  });

  test("several lines in one change, and CMD together with ENTRYPOINT, are taken as one Dockerfile", async () => {
    await tare.must(["create", "--name", "plain", "busybox", "true"]);
    const lines = 'ENTRYPOINT ["/bin/echo"]\nCMD ["a", \\\n "b"]\n# a comment\nENV A=1\nLABEL l=$A';
    const query = new URLSearchParams({ container: "plain", repo: "lines", changes: lines });
    const { status, text } = await askApi(tare.socket, "POST", `/commit?${query.toString()}`);
    expect([status, text]).toEqual([201, expect.stringContaining("sha256:")]);
    const { Config } = await inspect("lines");
    expect([Config.Cmd, Config.Labels]).toEqual([["a", "b"], expect.objectContaining({ l: "1" })]);
    expect(await tare.must(["run", "--rm", "lines"])).toBe("a b");
    for (const changes of [
      ['CMD ["c"]', 'ENTRYPOINT ["/bin/echo"]'],
      ['ENTRYPOINT ["/bin/echo"]', 'CMD ["c"]'],
    ]) {
      await tare.must(["commit", ...changes.flatMap((change) => ["--change", change]), "plain", "both"]);
      expect(await tare.must(["run", "--rm", "both"])).toBe("c");
    }
    await tare.must(["rm", "plain"]);
  });

  test("a file whose name means a deletion is named, and nothing is made", async () => {
    await tare.must(["run", "--name", "forged", "busybox", "sh", "-c", "mkdir /d; touch /d/.wh.x /d/y"]);
    const { status, stderr } = await tare.tare(["commit", "forged", "never"]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(
        '"d/.wh.x": a name that begins with ".wh." means a deletion in an image\'s layer',
      ),
    ]);
    const query = new URLSearchParams({ container: "forged", repo: "never" });
    expect((await askApi(tare.socket, "POST", `/commit?${query.toString()}`)).status).toBe(400);
    expect(await tare.must(["images", "-q", "never"])).toBe("");
    expect(await tare.must(["system", "check"])).not.toContain("problem");
    await tare.must(["rm", "forged"]);
  });

  test("a file with a hole of 1 GiB takes no more room in the image, and comes back from an archive as it was", async () => {
    const part = (from: number): string => `dd if=/holes bs=65536 skip=${from} count=5 2>/dev/null | md5sum`;
    const look = `stat -c %s /holes; ${[0, 1000, 15_998, 16_379].map(part).join("; ")}`;
    const script =
      "dd if=/dev/urandom of=/holes bs=65536 count=3 2>/dev/null; truncate -s 1073741824 /holes; " +
      `dd if=/dev/urandom of=/holes bs=65536 seek=16000 count=1 conv=notrunc 2>/dev/null; ${look}`;
    const made = await tare.must(["run", "--name", "holes", "busybox", "sh", "-c", script]);
    expect(made.split("\n")[0]).toBe("1073741824");
    await tare.must(["commit", "holes", "holes:1"]);
    await tare.must(["rm", "holes"]);
    const blobs = join(tare.dataRoot, "content", "blobs", "sha256");
    const large = readdirSync(blobs)
      .map((name) => statSync(join(blobs, name)))
      .filter(({ size }) => size > 2 ** 30);
    expect(large.length).toBe(1);
    expect(large.every(({ blocks }) => blocks * 512 < 2 ** 24)).toBe(true);
    const archive = join(tare.directory, "holes.tar");
    await tare.must(["save", "-o", archive, "holes:1"]);
    await tare.must(["rmi", "holes:1"]);
    await tare.must(["system", "settle"]);
    await tare.must(["load", "-i", archive]);
    rmSync(archive);
    expect(await tare.must(["run", "--rm", "holes:1", "sh", "-c", look])).toBe(made);
    const blocks = Number(await tare.must(["run", "--rm", "holes:1", "stat", "-c", "%b", "/holes"]));
    expect(blocks * 512).toBeLessThan(2 ** 24);
    await tare.must(["rmi", "holes:1"]);
  });

  test("the new image has what was added, changed and deleted, and starts as the container did", async () => {
    const script =
      "echo new > /root/new; rm /bin/ls; rm -r /root/old; mkdir /root/old; chown 5:6 /root/new; sleep 1000";
    await tare.must([
      "run",
      "--name",
      "first",
      "busybox",
      "sh",
      "-c",
      "mkdir -p /root/old; echo 1 > /root/old/file",
    ]);
    const id = await tare.must(["commit", "first", "base"]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    await tare.must([
      "run",
      "-d",
      "--name",
      "second",
      "-e",
      "A=1",
      "-l",
      "l=1",
      "--tmpfs",
      "/scratch",
      "base",
      "sh",
      "-c",
      script,
    ]);
    await tare.must([
      "exec",
      "second",
      "sh",
      "-c",
      'echo no > /scratch/no; until [ "$(stat -c %u /root/new)" = 5 ]; do sleep 0.01; done',
    ]);
    await tare.must([
      "commit",
      "-a",
      "me",
      "-m",
      "why",
      "-c",
      'CMD ["env"]',
      "-c",
      "USER 7",
      "second",
      "patched:2",
    ]);
    expect(await tare.must(["exec", "second", "echo", "thawed"])).toBe("thawed");
    const image = await inspect("patched:2");
    expect([image.Author, image.Comment, image.Config.Cmd, image.Config.User]).toEqual([
      "me",
      "why",
      ["env"],
      "7",
    ]);
    expect(image.Config.Env).toContain("A=1");
    expect(image.Config.Labels).toEqual({ l: "1" });
    expect(image.RootFS.Layers.length).toBe(3);
    expect(await tare.must(["run", "--rm", "patched:2"])).toContain("A=1");
    const look = "cat /root/new; stat -c %u:%g /root/new; ls /root/old /scratch; [ -e /bin/ls ] || echo gone";
    const seen = await tare.must([
      "run",
      "--rm",
      "-u",
      "0",
      "patched:2",
      "sh",
      "-c",
      look.replace("ls /root/old /scratch", "busybox find /root/old /scratch"),
    ]);
    expect(seen).toBe("new\n5:6\n/root/old\n/scratch\ngone");
    expect((await inspect("base")).Config.Cmd).toEqual([
      "sh",
      "-c",
      "mkdir -p /root/old; echo 1 > /root/old/file",
    ]);
    await tare.must(["rm", "-f", "first", "second"]);
    await tare.must(["rmi", "patched:2", "base"]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toContain("in order");
  });

  test("nothing runs while files are read, unless --pause=false, and all runs on afterwards", async () => {
    const script = "i=0; while :; do i=$((i+1)); echo $i > /root/one; echo $i > /root/two; done";
    await tare.must(["run", "-d", "--name", "writer", "busybox", "sh", "-c", script]);
    for (const flag of ["--pause", "--pause=false"]) {
      await tare.must(["commit", flag, "writer", "snap"]);
      expect(await tare.must(["ps", "--format", "{{.State}}"])).toBe("running");
      const look = 'a=$(cat /root/two); until [ "$(cat /root/two)" != "$a" ]; do sleep 0.01; done';
      await tare.must(["exec", "writer", "sh", "-c", look], { timeoutMs: 5000 });
    }
    await tare.must(["pause", "writer"]);
    await tare.must(["commit", "writer", "snap"]);
    expect(await tare.must(["ps", "--format", "{{.State}}"])).toBe("paused");
    await tare.must(["rm", "-f", "writer"]);
  });

  test("what cannot be is refused, and the container runs on", async () => {
    await tare.must(["run", "-d", "--name", "kept", "busybox", "sleep", "1000"]);
    const refusals: [string[], string][] = [
      [["commit", "nobody"], "No such container: nobody"],
      [["commit", "-c", "RUN rm", "kept"], "RUN is not a valid change command"],
      [["commit", "kept", "No:Caps"], "repository name (library/No) must be lowercase"],
    ];
    for (const [args, sentence] of refusals) {
      const { status, stderr } = await tare.tare(args);
      expect([status, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    }
    expect(await tare.must(["exec", "kept", "echo", "alive"])).toBe("alive");
    await tare.must(["rm", "-f", "kept"]);
  });
});
