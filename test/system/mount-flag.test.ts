import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasFeature } from "../../src/linux/features.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";

describe.skipIf(!isRoot)("--mount", () => {
  let tare: Installation;
  /** A directory with a file system mounted below, as "inner". */
  let outer: string;
  let hasInner = false;
  /** A shared mount, and a private one. */
  let shared: string;

  const run = (mount: string, script: string) =>
    tare.tare(["run", "--rm", "--mount", mount, "busybox", "sh", "-c", script]);
  const must = (mount: string, script: string): Promise<string> =>
    tare.must(["run", "--rm", "--mount", mount, "busybox", "sh", "-c", script]);

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    outer = join(tare.directory, "outer");
    mkdirSync(join(outer, "inner"), { recursive: true });
    shared = join(tare.directory, "shared");
    mkdirSync(shared);
    execFileSync("mount", ["-t", "tmpfs", "tare-test", join(outer, "inner")]);
    hasInner = true;
    execFileSync("mount", ["--make-private", join(outer, "inner")]);
    execFileSync("mount", ["-t", "tmpfs", "tare-test", shared]);
    execFileSync("mount", ["--make-shared", shared]);
    writeFileSync(join(outer, "inner/file"), "inner");
  });
  afterAll(async () => {
    if (hasInner) for (const path of [join(outer, "inner"), shared]) execFileSync("umount", [path]);
    await tare[Symbol.asyncDispose]();
  });

  const write =
    "for f in /m/f /m/inner/f; do if touch $f 2>/dev/null; then echo wrote; else echo refused; fi; done; rm -f /m/f /m/inner/f";
  test.each([
    ["", "wrote\nwrote"],
    [",readonly", "refused\nrefused"],
    [",readonly,bind-recursive=enabled", "refused\nrefused"],
    [",readonly,bind-recursive=writable", "refused\nwrote"],
    [",readonly,bind-recursive=readonly,bind-propagation=rprivate", "refused\nrefused"],
    [",readonly,bind-propagation=rslave", "refused\nrefused"],
  ])("a bind with %j and a mount below it: %j", async (options, said) => {
    if (options.includes("rslave")) {
      // A slave needs somebody to follow.
      const { status, stderr } = await run(`type=bind,src=${outer},dst=/m${options}`, write);
      expect([status, stderr]).toEqual([
        125,
        expect.stringMatching(/path \S+ is mounted on \S+ but it is not a shared or slave mount/),
      ]);
      return;
    }
    expect(await must(`type=bind,src=${outer},dst=/m${options}`, write)).toBe(said);
  });

  test("-v with ro is read-only in all of its depth, too", async () => {
    expect(await tare.must(["run", "--rm", "-v", `${outer}:/m:ro`, "busybox", "sh", "-c", write])).toBe(
      "refused\nrefused",
    );
  });

  test("bind-recursive=disabled leaves out what is mounted below", async () => {
    expect(await must(`type=bind,src=${outer},dst=/m`, "cat /m/inner/file")).toBe("inner");
    expect(await must(`type=bind,src=${outer},dst=/m,bind-recursive=disabled`, "ls -A /m/inner")).toBe("");
    expect(await must(`type=bind,src=${outer},dst=/m,bind-nonrecursive`, "ls -A /m/inner")).toBe("");
  });

  test("bind-propagation passes mounts on as it says, and only from a shared mount", async () => {
    const mount = (propagation: string, source = shared): string =>
      `type=bind,src=${source},dst=/m,bind-propagation=${propagation}`;
    for (const [propagation, kind] of [
      ["shared", "shared"],
      ["rshared", "shared"],
      ["slave", "shared or slave"],
    ] as const) {
      const { status, stderr } = await run(mount(propagation, join(outer, "inner")), "true");
      expect([status, stderr]).toEqual([125, expect.stringContaining(`but it is not a ${kind} mount`)]);
    }
    for (const [propagation, fromHost, toHost] of [
      ["rshared", "seen", true],
      ["rslave", "seen", false],
      ["rprivate", "hidden", false],
    ] as const) {
      mkdirSync(join(shared, "in"), { recursive: true });
      mkdirSync(join(shared, "out"), { recursive: true });
      const script = `mount -t tmpfs tare-test /m/out && : > /m/out/made
        until [ -e /m/go ]; do sleep 0.01; done; [ -e /m/in/made ] && echo seen || echo hidden`;
      const id = await tare.must([
        "run",
        "-d",
        "--privileged",
        "--mount",
        mount(propagation),
        "busybox",
        "sh",
        "-c",
        script,
      ]);
      await tare.must(["exec", id, "sh", "-c", "until [ -e /m/out/made ]; do sleep 0.01; done"]);
      expect([propagation, existsSync(join(shared, "out/made"))]).toEqual([propagation, toHost]);
      execFileSync("mount", ["-t", "tmpfs", "tare-test", join(shared, "in")]);
      try {
        writeFileSync(join(shared, "in/made"), "");
        writeFileSync(join(shared, "go"), "");
        await tare.must(["wait", id]);
        expect([propagation, await tare.must(["logs", id])]).toEqual([propagation, fromHost]);
      } finally {
        execFileSync("umount", [join(shared, "in")]);
        if (toHost) execFileSync("umount", [join(shared, "out")]);
        execFileSync("rm", [join(shared, "go")]);
      }
      await tare.must(["rm", id]);
    }
  });

  test("a bind's source must be there, unless it is to be made", async () => {
    const missing = join(tare.directory, "missing");
    expect(await run(`type=bind,src=${missing},dst=/m`, "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining(
        `invalid mount config for type "bind": bind source path does not exist: ${missing}`,
      ),
    });
    expect(existsSync(missing)).toBe(false);
    expect(await must(`type=bind,src=${missing},dst=/m,bind-create-src`, "ls -A /m")).toBe("");
    expect(statSync(missing).isDirectory()).toBe(true);
  });

  test("type=image shows an image's files, read-only, with the container's ids, and keeps them", async () => {
    const id = await tare.must(["create", "busybox", "true"]);
    await tare.must(["commit", "-c", "LABEL a=b", id, "shown:1"]);
    await tare.must(["rm", id]);
    const look = "cat /m/etc/passwd | head -n 1; touch /m/x 2>&1; stat -c '%u %g' /m/bin/busybox";
    const seen = "root:x:0:0:root:/root:/bin/sh\ntouch: /m/x: Read-only file system\n0 0";
    expect(await must("type=image,src=shown:1,dst=/m", look)).toBe(seen);
    const mount = ["--mount", "type=image,src=shown:1,dst=/m"];
    expect(
      await tare.must(["run", "--rm", "--userns", "private", ...mount, "busybox", "sh", "-c", look]),
    ).toBe(seen);
    await tare.must(["run", "-d", "--name", "shows", ...mount, "busybox", "sleep", "1000"]);
    expect((await tare.tare(["rmi", "shown:1"])).stderr).toContain("is using its referenced image");
    await tare.must(["rmi", "-f", "shown:1"]);
    await tare.must(["image", "prune", "-af"]);
    expect(
      await tare.must(["inspect", "-f", "{{range .Mounts}}{{.Type}} {{.Source}} {{.RW}}{{end}}", "shows"]),
    ).toBe("image shown:1 false");
    await tare.must(["stop", "-t", "0", "shows"]);
    await tare.must(["start", "shows"]);
    expect(await tare.must(["exec", "shows", "sh", "-c", look])).toBe(seen);
    await tare.must(["rm", "-f", "shows"]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("image-subpath mounts a part, resolved inside the image; what is wrong with an image is said", async () => {
    const id = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "ln -s / /up; ln -s /etc /link; sleep 1000",
    ]);
    await tare.must(["exec", id, "sh", "-c", "until [ -L /link ]; do sleep 0.01; done"]);
    await tare.must(["commit", id, "links"]);
    await tare.must(["rm", "-f", id]);
    const passwd = "root:x:0:0:root:/root:/bin/sh";
    const part = "type=image,src=links,dst=/m,image-subpath=";
    if (hasFeature("detached-composition")) {
      expect(await must(`${part}etc`, "head -n 1 /m/passwd")).toBe(passwd);
      expect(await must(`${part}link/passwd`, "head -n 1 /m")).toBe(passwd);
      expect(await must(`${part}up/etc/passwd`, "head -n 1 /m")).toBe(passwd);
      expect(await run(`${part}nope`, "true")).toMatchObject({
        status: 125,
        stderr: 'tare: cannot use subpath "nope" of image "links": the image has no such directory or file\n',
      });
    }
    for (const [mount, sentence] of [
      [`${part}../x`, "subpath must be a relative path within the image"],
      ["type=image,dst=/m", 'invalid mount config for type "image": field Source must not be empty'],
      ["type=image,src=x,dst=/m,volume-nocopy", "cannot mix 'volume-*' options with mount type 'image'"],
    ] as const) {
      expect(await run(mount, "true")).toMatchObject({
        status: 125,
        stderr: expect.stringContaining(sentence),
      });
    }
    const { status, stderr } = await tare.tare(
      "run --rm --pull never --mount type=image,src=not/there,dst=/m busybox true".split(" "),
    );
    expect([status, stderr]).toEqual([125, "tare: No such image: not/there:latest\n"]);
  });

  test("volume-subpath mounts a part, resolved inside the volume", async () => {
    const host = join(tare.directory, "of-the-host");
    mkdirSync(host);
    writeFileSync(join(host, "secret"), "the host's own");
    const fill = `mkdir -p /v/a/b; echo deep > /v/a/b/file; ln -s a/b /v/link; ln -s ${host} /v/absolute; ln -s ../../../../../.. /v/up; echo one > /v/single`;
    await tare.must(["run", "--rm", "-v", "parts:/v", "busybox", "sh", "-c", fill]);
    expect(await must("src=parts,dst=/m,volume-subpath=a/b", "cat /m/file; touch /m/new")).toBe("deep");
    expect(readFileSync(join(tare.dataRoot, "volumes/parts/_data/a/b/new"), "utf8")).toBe("");
    expect(
      await must("src=parts,dst=/m,volume-subpath=link,readonly", "cat /m/file; touch /m/x 2>&1 || true"),
    ).toContain("Read-only");
    expect(await must("src=parts,dst=/m,volume-subpath=single", "cat /m")).toBe("one");
    expect((await must("src=parts,dst=/m,volume-subpath=up", "ls -A /m")).split("\n")).toContain("single");
    for (const subpath of ["absolute", "missing", `up/${host}`]) {
      const { status, stderr, stdout } = await run(
        `src=parts,dst=/m,volume-subpath=${subpath}`,
        "cat /m/secret",
      );
      expect([subpath, stdout, status]).toEqual([subpath, "", 127]);
      const place = join(tare.dataRoot, "volumes/parts/_data", subpath);
      expect(stderr).toContain(`cannot access path ${place}: no such file or directory`);
    }
    expect(await run("src=parts,dst=/m,volume-subpath=../x", "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("subpath must be a relative path within the volume"),
    });
    await tare.must(["volume", "rm", "parts"]);
  });

  test("a tmpfs has the size, the mode and the options that are asked for", async () => {
    const look = "stat -c %a /m; df -k /m | tail -1 | awk '{print $2}'; grep ' /m ' /proc/mounts";
    const [mode, size, line] = (await must("type=tmpfs,dst=/m,tmpfs-size=2m,tmpfs-mode=1750", look)).split(
      "\n",
    );
    expect([mode, size]).toEqual(["1750", "2048"]);
    expect(line).toMatch(/ rw,nosuid,nodev,noexec,/);
    expect(
      await must('type=tmpfs,dst=/m,"tmpfs-options=exec,uid=5"', "stat -c %u /m; grep ' /m ' /proc/mounts"),
    ).toMatch(/^5\n.* rw,nosuid,nodev,relatime/);
    expect(await run("type=tmpfs,dst=/m,readonly", "touch /m/x")).toMatchObject({ status: 1 });
    const readonlyRoot = [
      "run",
      "--rm",
      "--read-only",
      "--tmpfs",
      "/t",
      "-v",
      "/v",
      "--mount",
      "type=tmpfs,dst=/m",
      "busybox",
    ];
    expect(
      await tare.must([
        ...readonlyRoot,
        "sh",
        "-c",
        "touch /t/x /v/x /m/x /dev/shm/x && touch /x 2>&1 || true",
      ]),
    ).toContain("touch: /x: Read-only file system");
  });

  test("inspect gives back what was asked for", async () => {
    const id = await tare.must([
      "create",
      "--mount",
      `type=bind,src=${outer},dst=/m,ro`,
      "-v",
      `${outer}:/n:ro,z`,
      "busybox",
    ]);
    const read = async (what: string): Promise<unknown> =>
      JSON.parse(await tare.must(["inspect", "-f", `{{json ${what}}}`, id]));
    expect(await read(".HostConfig.Mounts")).toEqual([
      { Type: "bind", Source: outer, Target: "/m", ReadOnly: true },
    ]);
    expect(await read(".HostConfig.Binds")).toEqual([`${outer}:/n:ro,z`]);
    const row = { Type: "bind", Source: outer, RW: false, Propagation: "rprivate" };
    expect(await read(".Mounts")).toEqual([
      { ...row, Destination: "/n", Mode: "ro,z" },
      { ...row, Destination: "/m", Mode: "" },
    ]);
    await tare.must(["rm", id]);
  });

  test("inspect lists volumes with the mode that dockerd gives them, and no tmpfs of --tmpfs", async () => {
    const options = [
      ["-v", "listed:/named"],
      ["-v", "/anonymous"],
      ["--mount", "type=volume,dst=/mounted/"],
      ["--mount", "type=tmpfs,dst=/shown"],
      ["--tmpfs", "/hidden/:size=1m"],
    ].flat();
    const id = await tare.must(["create", ...options, "busybox"]);
    const rows = JSON.parse(await tare.must(["inspect", "-f", "{{json .Mounts}}", id])) as readonly {
      readonly Destination: string;
      readonly Mode: string;
    }[];
    expect(rows.map(({ Destination, Mode }) => `${Destination} [${Mode}]`).sort()).toEqual([
      "/anonymous []",
      "/mounted [z]",
      "/named [z]",
      "/shown []",
    ]);
    expect(await tare.must(["inspect", "-f", "{{json .HostConfig.Tmpfs}}", id])).toBe(
      '{"/hidden/":"size=1m"}',
    );
    await tare.must(["rm", "-v", id]);
    await tare.must(["volume", "rm", "listed"]);
  });

  test("cp reaches the binds and volumes of a container that does not run", async () => {
    symlinkSync("/etc", join(outer, "to-etc"));
    const before = mountTable();
    const args = [
      "-v",
      "filled:/vol",
      "-v",
      `${outer}:/bind:ro`,
      "-v",
      `${join(outer, "inner/file")}:/one`,
      "-v",
      "/deep/er",
    ];
    await tare.must(["create", "--name", "still", ...args, "busybox", "cat", "/vol/new", "/deep/er/new"]);
    writeFileSync(join(tare.directory, "new"), "new\n");
    const cp = (
      from: string,
      to: string,
    ): Promise<{ status: number | null; stderr: string; stdout: string }> =>
      tare.tare(["cp", "-q", from, to]);
    for (const place of ["/vol", "/deep/er"])
      expect(await cp(join(tare.directory, "new"), `still:${place}/new`)).toMatchObject({ status: 0 });
    expect(readFileSync(join(tare.dataRoot, "volumes/filled/_data/new"), "utf8")).toBe("new\n");
    expect(mountTable()).toBe(before);
    const archived = async (path: string): Promise<string> =>
      (await tare.must(["cp", `still:${path}`, "-"])).replaceAll("\0", "");
    expect(await archived("/bind/inner/file")).toContain("inner");
    expect(await archived("/one")).toContain("inner");
    const all = await archived("/");
    for (const name of ["vol/new", "bind/inner/file", "deep/er/new"]) expect(all).toContain(name);
    expect(await cp(join(tare.directory, "new"), "still:/bind/new")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("read-only"),
    });
    // Links in a bind lead where they lead in the container.
    expect(await archived("/bind/to-etc/passwd")).toContain("nobody:x:65534");
    expect(await tare.must(["start", "-a", "still"])).toBe("new\nnew");
    await tare.must(["rm", "-v", "still"]);
    await tare.must(["volume", "rm", "filled"]);
  });
});
