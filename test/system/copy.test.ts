import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { encodeTarEnd, encodeTarMember } from "../../src/spec/tar-writer.ts";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("cp", () => {
  let tare: Installation;
  let work: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must([
      "run",
      "-d",
      "--name",
      "live",
      "--user",
      "1000:1000",
      "--tmpfs",
      "/scratch:mode=1777",
      "busybox",
      "sleep",
      "1000",
    ]);
    await tare.must(["create", "--name", "still", "busybox"]);
  });
  beforeEach(() => {
    work = mkdtempSync(join(tare.directory, "work-"));
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const inside = (script: string): Promise<string> =>
    tare.must(["exec", "-u", "0", "live", "sh", "-c", script]);
  const path = (name: string): string => join(work, name);

  test("copies a file in and out, to a directory and to a new name, of a running and a stopped container", async () => {
    writeFileSync(path("file"), "contents");
    chmodSync(path("file"), 0o640);
    for (const name of ["live", "still"]) {
      const { stderr, status } = await tare.tare(["cp", path("file"), `${name}:/root`]);
      expect([status, stderr]).toEqual([
        0,
        expect.stringMatching(new RegExp(`^Successfully copied \\S+B to ${name}:/root\n$`)),
      ]);
      await tare.must(["cp", "-q", path("file"), `${name}:/root/renamed`]);
      await tare.must(["cp", `${name}:/root/file`, path(`from-${name}`)]);
      await tare.must(["cp", `${name}:root/renamed`, work]);
      expect(readFileSync(path(`from-${name}`), "utf8")).toBe("contents");
      expect(statSync(path(`from-${name}`)).mode & 0o7777).toBe(0o640);
      expect(readFileSync(path("renamed"), "utf8")).toBe("contents");
    }
    expect(await inside("cat /root/file; stat -c %a /root/renamed")).toBe("contents640");
    expect(await tare.must(["diff", "still"])).toContain("A /root/renamed");
  });

  test("copies a directory: as a whole, only what is in it, and to a new name", async () => {
    mkdirSync(path("src/deep"), { recursive: true });
    writeFileSync(path("src/deep/file"), "1");
    symlinkSync("deep/file", path("src/link"));
    linkSync(path("src/deep/file"), path("src/same"));
    await tare.must(["cp", path("src"), "live:/whole"]);
    await tare.must(["cp", path("src"), "live:/whole"]);
    await tare.must(["cp", `${path("src")}/.`, "live:/scratch"]);
    expect(
      await inside("cd /whole; find . | sort | tr '\\n' ' '; readlink link; stat -c %h same; ls /scratch"),
    ).toBe(
      ". ./deep ./deep/file ./link ./same ./src ./src/deep ./src/deep/file ./src/link ./src/same deep/file\n2\ndeep\nlink\nsame",
    );
    await tare.must(["cp", "live:/whole", path("back")]);
    await tare.must(["cp", "live:/scratch/.", path("back")]);
    await tare.must(["cp", "live:/scratch", work]);
    expect(readlinkSync(path("back/link"))).toBe("deep/file");
    expect(statSync(path("back/same")).nlink).toBe(2);
    expect(readFileSync(path("scratch/deep/file"), "utf8")).toBe("1");
  });

  test("takes and gives tar streams by -", async () => {
    writeFileSync(path("file"), "streamed");
    const tar = execFileSync("tar", ["-C", work, "-cf", "-", "file"]);
    await tare.must(["cp", "-", "live:/root"], { input: tar });
    expect(await inside("cat /root/file")).toBe("streamed");
    const { stdout } = await tare.tare(["cp", "live:/root/file", "-"]);
    writeFileSync(path("out.tar"), stdout);
    expect(execFileSync("tar", ["-xOf", path("out.tar"), "file"], { encoding: "utf8" })).toBe("streamed");
    await inside("echo 1 > /root/now");
    const { text } = await askApi(tare.socket, "GET", "/containers/live/archive?path=/root/now");
    // As Docker's: whole seconds, so no header that holds the fraction.
    expect(text.slice(0, 4)).toBe("now\0");
  });

  test("takes gzip and zstd streams, too; what is neither is refused in a sentence", async () => {
    writeFileSync(path("packed"), "unpacked");
    for (const how of ["-z", "--zstd"]) {
      const tar = execFileSync("tar", ["-C", work, how, "-cf", "-", "packed"]);
      await inside("rm -f /root/packed");
      await tare.must(["cp", "-", "live:/root"], { input: tar });
      expect(await inside("cat /root/packed")).toBe("unpacked");
      const cut = await tare.tare(["cp", "-", "live:/root"], { input: tar.subarray(0, tar.length - 12) });
      expect([cut.status, cut.stderr.split("\n")]).toEqual([
        1,
        [expect.stringMatching(/^tare: cannot /), ""],
      ]);
    }
    const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]);
    expect(await tare.tare(["cp", "-", "live:/root"], { input: xz })).toMatchObject({
      status: 1,
      stderr: "tare: cannot decompress xz: recompress it with gzip or zstd\n",
    });
  });

  test("a link is copied as a link, or followed with -L", async () => {
    await inside("echo target > /root/target; ln -sf target /root/link; ln -sfn /root /alias");
    await tare.must(["cp", "live:/root/link", path("link")]);
    expect(readlinkSync(path("link"))).toBe("target");
    await tare.must(["cp", "-L", "live:/root/link", path("followed")]);
    expect(lstatSync(path("followed")).isFile()).toBe(true);
    await tare.must(["cp", "live:/alias/", path("alias")]);
    expect(readFileSync(path("alias/target"), "utf8")).toBe("target\n");
    writeFileSync(path("host"), "host");
    symlinkSync("host", path("host-link"));
    await tare.must(["cp", "-L", path("host-link"), "live:/alias"]);
    expect(await inside("cat /root/host-link")).toBe("host");
  });

  test("-a gives it to the container's user, and from there keeps the owner", async () => {
    writeFileSync(path("file"), "1");
    await tare.must(["cp", "-a", path("file"), "live:/scratch/own"]);
    expect(await inside("stat -c %u:%g /scratch/own")).toBe("1000:1000");
    await tare.must(["cp", "-a", "live:/scratch/own", path("own")]);
    expect([statSync(path("own")).uid, statSync(path("own")).gid]).toEqual([1000, 1000]);
    await tare.must(["cp", "live:/scratch/own", path("mine")]);
    expect(statSync(path("mine")).uid).toBe(0);
  });

  test("copyUIDGID keeps the archive's owner where the container has no user, and without it, too", async () => {
    const members = [{ path: "owned", type: "file" as const, size: 0, mode: 0o640, uid: 1234, gid: 2345 }];
    const body = Buffer.concat([...members.map(encodeTarMember), encodeTarEnd()]);
    for (const [name, query, owner] of [
      ["still", "copyUIDGID=true", [1234, 2345]],
      ["still", "copyUIDGID=false", [1234, 2345]],
      ["live", "copyUIDGID=true", [1000, 1000]],
      ["live", "", [1234, 2345]],
    ] as const) {
      const put = `/containers/${name}/archive?path=/scratch-of-owners&${query}`;
      await tare.must(["cp", "-q", work, `${name}:/scratch-of-owners`]);
      expect((await askApi(tare.socket, "PUT", put, body)).status).toBe(200);
      await tare.must(["cp", "-a", `${name}:/scratch-of-owners/owned`, path("owned")]);
      const { uid, gid } = statSync(path("owned"));
      expect([name, query, uid, gid]).toEqual([name, query, ...owner]);
      rmSync(path("owned"));
    }
  });

  test("a setuid program loses that on the host, unless -a asks for it", async () => {
    await inside("cp /bin/busybox /root/suid; chmod 4755 /root/suid");
    await tare.must(["cp", "live:/root/suid", path("plain")]);
    await tare.must(["cp", "-a", "live:/root/suid", path("kept")]);
    expect([statSync(path("plain")).mode & 0o7777, statSync(path("kept")).mode & 0o7777]).toEqual([
      0o755, 0o4755,
    ]);
  });

  test("a large and sparse file arrives whole", async () => {
    writeFileSync(path("big"), Buffer.alloc(3_000_001, 7));
    truncateSync(path("big"), 20_000_000);
    await tare.must(["cp", path("big"), "live:/scratch/big"]);
    await tare.must(["cp", "live:/scratch/big", path("again")]);
    expect(execFileSync("cmp", [path("big"), path("again")], { encoding: "utf8" })).toBe("");
  });

  const refusals: [string[], string][] = [
    [["cp", "live:/nope", "/tmp"], "Could not find the file /nope in container live"],
    [["cp", "nobody:/etc", "/tmp"], "No such container: nobody"],
    [["cp", "/nope", "live:/"], "lstat /nope: no such file or directory"],
    [["cp", "/etc/hostname", "live:/nope/"], "no such directory"],
    [["cp", "/etc/hostname", "live:/nope/deeper"], "Could not find the file /nope"],
    [["cp", "/etc", "live:/bin/busybox"], "cannot copy directory"],
    [["cp", "/etc/hostname", "live:/bin/busybox/"], "not a directory"],
    [["cp", "live:/bin/busybox/", "/tmp"], "not a directory"],
    [["cp", "live:/etc/passwd", "/nope/here"], 'invalid output path: directory "/nope" does not exist'],
    [["cp", "live:/a", "still:/b"], "copying between containers is not supported"],
    [["cp", "/a", "/b"], "must specify at least one container source"],
    [["cp", "-", "live:/bin/busybox"], "must be a directory"],
    [["cp", "live:/proc/1", "/tmp"], "kernel's own file systems"],
    [["cp", "/etc/hostname", "live:/proc/sys/kernel/core_pattern"], "kernel's own file systems"],
    [["cp", "/etc/hostname", "live:/sys/kernel/"], "kernel's own file systems"],
  ];
  test.each(refusals)("%j is refused", async (args, sentence) => {
    const { status, stderr } = await tare.tare(args);
    expect([status, stderr]).toEqual([1, expect.stringContaining(sentence)]);
  });

  test("into a read-only root or volume is refused in Docker's words, whether it runs or not; a volume beneath it is written", async () => {
    const options = ["--read-only", "-v", "fixed-rw:/rw", "-v", "fixed-ro:/ro:ro"];
    await tare.must(["create", "--name", "fixed-new", ...options, "busybox"]);
    await tare.must(["run", "-d", "--name", "fixed", ...options, "busybox", "sleep", "1000"]);
    for (const name of ["fixed-new", "fixed"]) {
      const copy = (to: string) => tare.tare(["cp", "/etc/hostname", `${name}:${to}`]);
      for (const [to, sentence] of [
        ["/root/", "container rootfs is marked read-only"],
        ["/new", "container rootfs is marked read-only"],
        ["/ro/", "mounted volume is marked read-only"],
      ] as const) {
        const { status, stderr } = await copy(to);
        expect([name, to, status, stderr]).toEqual([name, to, 1, expect.stringContaining(sentence)]);
      }
      expect((await copy("/rw/")).status).toBe(0);
      expect(await tare.must(["diff", name])).not.toContain("/new");
    }
    const put = await askApi(
      tare.socket,
      "PUT",
      "/containers/fixed-new/archive?path=/root",
      Buffer.alloc(1024),
    );
    expect([put.status, put.text]).toEqual([400, '{"message":"container rootfs is marked read-only"}\n']);
    // Where a link of the volume leads counts, too.
    await tare.must(["exec", "fixed", "sh", "-c", "ln -s /root /rw/link; ln -s /ro /rw/other"]);
    for (const name of ["fixed-new", "fixed"]) {
      for (const [member, sentence] of [
        ["link/planted", "container rootfs is marked read-only"],
        ["link/new/planted", "container rootfs is marked read-only"],
        ["other/planted", "mounted volume is marked read-only"],
      ] as const) {
        const body = Buffer.concat([encodeTarMember({ path: member, type: "file" }), encodeTarEnd()]);
        const path = `/containers/${name}/archive?path=/rw`;
        const { status, text } = await askApi(tare.socket, "PUT", path, body);
        expect([name, member, status, text]).toEqual([name, member, 400, expect.stringContaining(sentence)]);
      }
      expect(await tare.must(["diff", name])).not.toMatch(/planted|new/);
    }
    await tare.must(["rm", "-f", "fixed", "fixed-new"]);
    await tare.must(["volume", "rm", "fixed-rw", "fixed-ro"]);
  });

  test("a new container has its missing bind sources and its working directory before the first start", async () => {
    const source = path("not/there");
    writeFileSync(path("file"), "contents");
    const options = ["-v", `${source}:/data`, "-w", "/srv/app"];
    await tare.must(["create", "--name", "early", ...options, "busybox"]);
    expect(statSync(source)).toMatchObject({ uid: 0, gid: 0, mode: 0o40755 });
    expect((await tare.must(["diff", "early"])).split("\n")).toContain("A /srv/app");
    for (const to of ["/data/", "/srv/app/"]) await tare.must(["cp", path("file"), `early:${to}`]);
    expect(readFileSync(join(source, "file"), "utf8")).toBe("contents");
    // As dockerd does, the copy makes a source that is gone.
    rmSync(path("not"), { recursive: true });
    await tare.must(["cp", path("file"), "early:/data/"]);
    expect(readFileSync(join(source, "file"), "utf8")).toBe("contents");
    await tare.must(["cp", "early:/srv/app/file", path("back")]);
    expect(readFileSync(path("back"), "utf8")).toBe("contents");
    await tare.must(["rm", "early"]);
  });

  test("a bind that does not make its source is left out when that is gone", async () => {
    const source = path("gone");
    mkdirSync(source);
    writeFileSync(path("file"), "contents");
    const mount = ["--mount", `type=bind,source=${source},target=/data`];
    await tare.must(["create", "--name", "bound", ...mount, "busybox"]);
    rmSync(source, { recursive: true });
    await tare.must(["cp", path("file"), "bound:/root/"]);
    const { status, stderr } = await tare.tare(["cp", path("file"), "bound:/data/"]);
    expect([status, stderr]).toEqual([1, "tare: no such directory\n"]);
    const refused = await tare.tare(["create", ...mount, "busybox"]);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`bind source path does not exist: ${source}`),
    ]);
    expect(existsSync(source)).toBe(false);
    await tare.must(["rm", "bound"]);
  });

  test("the working directory of a new container is made in its own root, through whatever links the image has", async () => {
    const outside = path("outside");
    mkdirSync(outside);
    writeFileSync(path("file"), "contents");
    const link = `ln -s ../../../../../../../..${outside} /leak; ln -s /proc /kernel`;
    await tare.must(["run", "--name", "linked", "busybox", "sh", "-c", link]);
    await tare.must(["commit", "linked", "leaky"]);
    await tare.must(["create", "--name", "caught", "-w", "/leak/below", "leaky"]);
    await tare.must(["cp", path("file"), "caught:/leak/below/"]);
    await tare.must(["cp", `caught:${outside}/below/file`, path("back")]);
    expect(readFileSync(path("back"), "utf8")).toBe("contents");
    expect(readdirSync(outside)).toEqual([]);
    // What can't be made is refused by the start, as before.
    await tare.must(["create", "--name", "wrong", "-w", "/bin/busybox/below", "leaky"]);
    expect((await tare.tare(["start", "wrong"])).status).toBe(1);
    await tare.must(["rm", "linked", "caught", "wrong"]);
    await tare.must(["rmi", "leaky"]);
  });

  test("with a user namespace the bind source and the working directory belong to the container's root", async () => {
    const source = path("mapped");
    const options = ["--userns", "private", "-v", `${source}:/data`, "-w", "/srv/app"];
    await tare.must(["create", "--name", "mapped", ...options, "busybox", "sleep", "1000"]);
    const { uid } = statSync(source);
    expect(uid).toBeGreaterThan(0);
    await tare.must(["cp", "-a", "mapped:/srv/app", path("app")]);
    expect(statSync(path("app"))).toMatchObject({ uid: 0, gid: 0, mode: 0o40755 });
    await tare.must(["start", "mapped"]);
    expect(await tare.must(["exec", "mapped", "stat", "-c", "%u %n", "/data", "/srv/app"])).toBe(
      "0 /data\n0 /srv/app",
    );
    await tare.must(["rm", "-f", "mapped"]);
  });
});
