import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const base = 1_700_000;
const me = { uid: 1234, gid: 1235 };

describe.skipIf(!isRoot)("binds with idmap, and volumes", () => {
  let tare: Installation;
  let source: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    source = join(tare.directory, "source");
    mkdirSync(source);
    for (const [name, uid, gid] of [
      ["mine", me.uid, me.gid],
      ["other", 77, 78],
      ["roots", 0, 0],
    ] as const) {
      writeFileSync(join(source, name), name);
      chmodSync(join(source, name), 0o600);
      chownSync(join(source, name), uid, gid);
    }
    chownSync(source, me.uid, me.gid);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const run = (...args: string[]) => tare.must(["run", "--rm", ...args]);
  const ownerOf = (name: string): string => {
    const { uid, gid } = lstatSync(join(source, name));
    return `${uid}:${gid}`;
  };

  test.each([
    ["root", [], "0:0"],
    ["a user", ["--user", "5:6"], "5:6"],
    ["root of a user namespace", ["--userns", `private:${base}`], "0:0"],
    ["a user of a user namespace", ["--userns", `private:${base}`, "--user", "5:6"], "5:6"],
  ])(
    "to %s of the container the files of the source's owner are its own, both ways",
    async (_, flags, id) => {
      const script =
        "stat -c %u:%g /src /src/mine; cat /src/mine; echo; mkdir /src/made; echo x > /src/made/file";
      const said = await run(...flags, "-v", `${source}:/src:idmap`, "busybox", "sh", "-c", script);
      expect(said).toBe(`${id}\n${id}\nmine`);
      expect([ownerOf("made"), ownerOf("made/file"), ownerOf("mine")]).toEqual(Array(3).fill("1234:1235"));
      rmSync(join(source, "made"), { recursive: true });
    },
  );

  test("an owner that is named wins over the source's; --mount says the same", async () => {
    const said = await run(
      "-v",
      `${source}:/src:ro,idmap=77-78`,
      "busybox",
      "stat",
      "-c",
      "%u:%g %n",
      "/src",
      "/src/other",
    );
    expect(said).toBe("65534:65534 /src\n0:0 /src/other");
    const mount = `type=bind,src=${source},dst=/src,idmap=77:78`;
    expect(await run("--mount", mount, "busybox", "stat", "-c", "%u:%g", "/src/other")).toBe("0:0");
  });

  test("files of others stay theirs: not to be read, taken or given away by root of a user namespace", async () => {
    const script = [
      "cat /src/other; cat /src/roots; chown 0:0 /src/other; chown 9:9 /src/mine; chmod 4755 /src/roots",
      "mknod /src/device c 1 3; cp /bin/busybox /src/suid; chmod 4755 /src/suid",
    ].join("; ");
    const flags = ["--cap-add", "ALL", "--userns", `private:${base}`, "-v", `${source}:/src:idmap`];
    const { stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
    const refused = stderr
      .split("\n")
      .filter((line) => /denied|not permitted|Value too large|Invalid/.test(line));
    expect(refused).toHaveLength(6);
    expect(["mine", "other", "roots", "suid"].map(ownerOf)).toEqual([
      "1234:1235",
      "77:78",
      "0:0",
      "1234:1235",
    ]);
    expect(lstatSync(join(source, "roots")).mode & 0o7777).toBe(0o600);
    rmSync(join(source, "suid"));
  });

  test("without idmap root of a user namespace is nobody to the host's files", async () => {
    const script = "cat /src/roots; echo x > /src/new; rm -f /src/mine; stat -c %u /src/mine";
    const flags = ["--cap-add", "ALL", "--userns", `private:${base}`, "-v", `${source}:/src`];
    const { stdout, stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
    expect(stdout).toBe("65534\n");
    expect(stderr.match(/denied/g)).toHaveLength(3);
  });

  test("a source that is made for a container in a user namespace belongs to its root", async () => {
    const path = join(tare.directory, "made-for-it");
    await run("--userns", `private:${base}`, "-v", `${path}:/src`, "busybox", "touch", "/src/file");
    expect(lstatSync(path).uid).toBe(base);
    expect(lstatSync(join(path, "file")).uid).toBe(base);
  });

  test("a volume has the container's own numbers on the disk, whoever uses it", async () => {
    const write = "touch /data/file; chown 5:6 /data/file";
    await run("--userns", `private:${base}`, "-v", "shared:/data", "busybox", "sh", "-c", write);
    const stat = ["busybox", "stat", "-c", "%u:%g", "/data", "/data/file"];
    expect(await run("-v", "shared:/data", ...stat)).toBe("0:0\n5:6");
    expect(await run("--userns", "private", "-v", "shared:/data", ...stat)).toBe("0:0\n5:6");
    await tare.must(["volume", "rm", "shared"]);
  });

  test("the image's content in a volume is its root's in each user namespace", async () => {
    const stat = ["busybox", "stat", "-c", "%u:%g", "/etc", "/etc/passwd"];
    expect(await run("--userns", "private", "-v", "filled:/etc", ...stat)).toBe("0:0\n0:0");
    expect(await run("-v", "filled:/other", "busybox", "stat", "-c", "%u", "/other/passwd")).toBe("0");
    await tare.must(["volume", "rm", "filled"]);
  });
});
