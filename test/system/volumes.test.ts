import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";

describe.skipIf(!isRoot)("volumes", () => {
  let tare: Installation;
  /** What a container with these options prints. */
  const sh = (options: readonly string[], script: string, image = "busybox"): Promise<string> =>
    tare.must(["run", "--rm", ...options, image, "sh", "-c", script]);
  const volumes = async (...filters: readonly string[]): Promise<string[]> => {
    const names = await tare.must([
      "volume",
      "ls",
      "-q",
      ...filters.flatMap((filter) => ["--filter", filter]),
    ]);
    return names.split("\n").filter((name) => name !== "");
  };

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    // An image with content at /data that tells every attribute, and that declares it as a volume.
    const make = `mkdir -p /data/sub /work; echo text > /data/file; chown 1000:2000 /data/file; chmod 4751 /data/file
      ln -s file /data/link; ln -s /nowhere /data/dangling; ln /data/file /data/hard; mkfifo /data/fifo
      touch -d @1000000000 /data/sub; chown 7:8 /data; chmod 2770 /data`;
    await tare.must(["run", "--name", "made", "busybox", "sh", "-c", make]);
    await tare.must(["commit", "-c", "VOLUME /data", "-c", "CMD sh", "made", "filled"]);
    await tare.must(["commit", "made", "plain"]);
    await tare.must(["rm", "made"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("on /etc hide none of hosts, hostname and resolv.conf, which are read-only where the root is", async () => {
    const show = "cat /etc/hostname; grep -c boxy /etc/hosts; grep -c nameserver /etc/resolv.conf";
    const write =
      "for f in hosts hostname resolv.conf; do echo '#' >> /etc/$f && echo written; done 2>/dev/null; true";
    const base = ["--hostname", "boxy", "--dns", "9.9.9.9"];
    const own = join(tare.directory, "own-hosts");
    writeFileSync(own, "127.0.0.1 boxy mine\n");
    for (const mount of [
      ["-v", "etc-new:/etc"],
      ["-v", "etc-new:/etc"],
      ["-v", "etc-ro:/etc:ro"],
      ["--tmpfs", "/etc"],
      ["-v", `${own}:/etc/hosts`],
    ]) {
      const seen = await sh([...base, ...mount], `${show}; ${write}`);
      expect([mount, seen]).toEqual([mount, "boxy\n1\n1\nwritten\nwritten\nwritten"]);
      const fixed = await sh(["--read-only", ...base, ...mount], `${show}; ${write}`);
      const isOwn = mount[1]?.startsWith(own) === true;
      expect([mount, fixed]).toEqual([mount, `boxy\n1\n1${isOwn ? "\nwritten" : ""}`]);
    }
    // The caller's own file is there, and what is in the volume stays its own.
    expect(await sh(["-v", "etc-new:/etc", "-v", `${own}:/etc/hosts`], "cat /etc/hosts")).toContain("mine");
    expect(await sh(["-v", "etc-new:/data"], "cat /data/hosts /data/hostname /data/resolv.conf")).toBe("");
    await tare.must(["volume", "rm", "etc-new", "etc-ro"]);
  });

  test("are made once, listed, filtered, inspected and removed", async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, () => tare.must(["volume", "create", "--label", "a=1", "same"])),
    );
    expect(made).toEqual(Array.from({ length: 8 }, () => "same"));
    expect(await tare.must(["volume", "create", "other"])).toBe("other");
    const anonymous = await tare.must(["volume", "create"]);
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    expect(await volumes()).toEqual(
      [anonymous, "other", "same"].sort((a, b) => a.localeCompare(b, "en", { numeric: true })),
    );
    expect(await volumes("label=a=1")).toEqual(["same"]);
    expect(await volumes("label=com.docker.volume.anonymous")).toEqual([anonymous]);
    expect(await volumes("name=am")).toEqual(["same"]);
    expect(await volumes("driver=odd")).toEqual([]);
    expect(await volumes("dangling=true", "name=same")).toEqual(["same"]);
    await tare.must(["create", "--name", "user", "-v", "same:/x", "busybox"]);
    expect(await volumes("dangling=false")).toEqual(["same"]);
    expect(await tare.must(["volume", "ls", "--filter", "name=other"])).toBe(
      "DRIVER    VOLUME NAME\nlocal     other",
    );
    const [inspected] = JSON.parse(await tare.must(["volume", "inspect", "same"])) as Record<
      string,
      unknown
    >[];
    expect(inspected).toEqual({
      CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      Driver: "local",
      Labels: { a: "1" },
      Mountpoint: join(tare.dataRoot, "volumes/same/_data"),
      Name: "same",
      Options: null,
      Scope: "local",
    });
    const id = await tare.must(["inspect", "-f", "{{.Id}}", "user"]);
    expect(await tare.tare(["volume", "rm", "same"])).toMatchObject({
      status: 1,
      stderr: `tare: remove same: volume is in use - [${id}]\n`,
    });
    expect(await tare.tare(["volume", "rm", "-f", "same"])).toMatchObject({ status: 1 });
    await tare.must(["rm", "user"]);
    expect(await tare.must(["volume", "rm", "same", "other"])).toBe("same\nother");
    expect(await tare.tare(["volume", "rm", "same"])).toMatchObject({
      status: 1,
      stderr: "tare: get same: no such volume\n",
    });
    expect(await tare.must(["volume", "rm", "-f", "same"])).toBe("same");
    await tare.must(["volume", "rm", anonymous]);
    expect(readdirSync(join(tare.dataRoot, "volumes")).sort()).toEqual([".drafts", ".trash"]);
  });

  test.each([
    [["a"], "create a: volume name is too short, names should be at least two alphanumeric characters"],
    [
      ["a/b"],
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    [[".."], 'create ..: ".." includes invalid characters'],
    [["x".repeat(256)], "volume name is too long"],
    [["-d", "odd", "vol"], 'create vol: error looking up volume plugin odd: plugin "odd" not found'],
    [["-o", "odd=1", "vol"], 'create vol: invalid option: "odd"'],
    [["-o", "type=tmpfs", "vol"], 'create vol: missing required option: "device"'],
    [["-o", "o=bind", "vol"], 'create vol: missing required option: "device"'],
    [["-o", "size=1g", "vol"], "quota size requested but no quota support"],
  ] as const)("volume create %j is refused", async (args, sentence) => {
    const { status, stderr, stdout } = await tare.tare(["volume", "create", ...args]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(sentence);
    expect(await volumes()).toEqual([]);
  });

  test("an empty one is filled from the image: owners, modes, links, times", async () => {
    const listing =
      "cd /data && stat -c '%n %f %u %g %h %Y' . file link dangling hard fifo sub && readlink link && readlink dangling && cat file";
    const asImage = await sh([], listing, "plain");
    const asVolume = await sh(["-v", "copied:/data"], listing, "plain");
    const withoutTime = (text: string): string => text.replace(/^(\. .*) \d+$/m, "$1");
    expect(withoutTime(asVolume)).toBe(withoutTime(asImage));
    expect(
      await sh(["--mount", "type=volume,src=copied,dst=/else"], "rm /else/file; ls -A /else"),
    ).not.toContain("file");
    // It has something in it: nothing comes back.
    expect(await sh(["-v", "copied:/data"], "ls -A /data | tr '\\n' ' '", "plain")).toBe(
      "dangling fifo hard link sub",
    );
    expect(await sh(["-v", "empty:/data:nocopy"], "ls -A /data; stat -c '%a %u' /data", "plain")).toBe(
      "755 0",
    );
    expect(await sh(["--mount", "src=empty,dst=/data,volume-nocopy"], "ls -A /data", "plain")).toBe("");
    expect(await sh(["-v", "empty:/data"], "ls /data", "plain")).toContain("file");
    await tare.must(["volume", "rm", "copied", "empty"]);
  });

  test("two containers that are made at once with a new one both find it whole", async () => {
    const counts = await Promise.all(
      Array.from({ length: 6 }, () => sh(["-v", "shared:/data"], "ls -A /data | wc -l", "plain")),
    );
    expect(counts).toEqual(Array.from({ length: 6 }, () => "6"));
    await tare.must(["volume", "rm", "shared"]);
  });

  test("anonymous ones belong to their container: --rm and rm -v take them, rm does not", async () => {
    await sh(["-v", "/one"], "touch /one/x", "filled");
    expect(await volumes()).toEqual([]);
    await tare.must(["run", "--name", "keeps", "-v", "/one", "-v", "named:/two", "filled", "true"]);
    const all = await volumes();
    expect(all.length).toBe(3);
    const mounts = JSON.parse(await tare.must(["inspect", "-f", "{{json .Mounts}}", "keeps"])) as Record<
      string,
      unknown
    >[];
    const anonymous = (Destination: string): Record<string, unknown> => ({
      Type: "volume",
      Name: expect.stringMatching(/^[0-9a-f]{64}$/),
      Source: expect.stringMatching(/\/volumes\/[0-9a-f]{64}\/_data$/),
      Destination,
      Driver: "local",
      Mode: "",
      RW: true,
      Propagation: "",
    });
    expect(mounts).toEqual([
      {
        Type: "volume",
        Name: "named",
        Source: join(tare.dataRoot, "volumes/named/_data"),
        Destination: "/two",
        Driver: "local",
        Mode: "z",
        RW: true,
        Propagation: "",
      },
      anonymous("/one"),
      anonymous("/data"),
    ]);
    expect(JSON.parse(await tare.must(["inspect", "-f", "{{json .Config.Volumes}}", "keeps"]))).toEqual({
      "/one": {},
      "/data": {},
    });
    expect(await tare.must(["inspect", "-f", "{{json .HostConfig.Binds}}", "keeps"])).toBe('["named:/two"]');
    expect(
      await tare.must(["ps", "-a", "--filter", "volume=named", "--format", "{{.Names}} {{.LocalVolumes}}"]),
    ).toBe("keeps 3");
    expect(await tare.must(["ps", "-a", "--filter", "volume=/one", "--format", "{{.Names}}"])).toBe("keeps");
    expect(existsSync(join(tare.dataRoot, "volumes", String(mounts[2]?.["Name"]), "_data/file"))).toBe(true);
    await tare.must(["rm", "keeps"]);
    expect(await volumes()).toEqual(all);
    expect(await tare.must(["volume", "prune", "-f"])).toMatch(
      /^Deleted Volumes:\n[0-9a-f]{64}\n[0-9a-f]{64}\n\nTotal reclaimed space: \d/,
    );
    expect(await volumes()).toEqual(["named"]);
    await tare.must(["run", "--name", "gone", "-v", "/one", "-v", "named:/two", "busybox", "true"]);
    await tare.must(["rm", "-v", "gone"]);
    expect(await volumes()).toEqual(["named"]);
    expect(await tare.must(["volume", "prune", "-a", "-f"])).toContain("Deleted Volumes:\nnamed\n");
  });

  test("volume prune asks first, and takes what its filters leave", async () => {
    for (const label of ["keep", "drop"]) await tare.must(["volume", "create", "--label", label, label]);
    const asked = await tare.tare(["volume", "prune", "-a"], { input: "n\n" });
    expect(asked.stdout).toBe(
      "WARNING! This will remove all local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] ",
    );
    expect(await volumes()).toEqual(["drop", "keep"]);
    expect(await tare.must(["volume", "prune", "-a", "--filter", "label!=keep"], { input: "y\n" })).toContain(
      "Deleted Volumes:\ndrop\n",
    );
    expect(await tare.tare(["volume", "prune", "-f", "--filter", "odd=1"])).toMatchObject({
      status: 1,
      stderr: "tare: invalid filter 'odd'\n",
    });
    await tare.must(["volume", "rm", "keep"]);
  });

  test("--volumes-from gives the binds and volumes of another container, the last one's first", async () => {
    const host = join(tare.directory, "host");
    mkdirSync(host);
    writeFileSync(join(host, "file"), "of the host");
    await tare.must([
      "create",
      "--name",
      "giver",
      "-v",
      `${host}:/host`,
      "-v",
      "given:/given",
      "--tmpfs",
      "/tmpfs",
      "filled",
    ]);
    expect(
      await sh(
        ["--volumes-from", "giver"],
        "cat /host/file; touch /given/f; cat /data/file; [ -e /tmpfs ] || echo none",
      ),
    ).toBe("of the hosttext\nnone");
    const readonly = await tare.tare([
      "run",
      "--rm",
      "--volumes-from",
      "giver:ro",
      "busybox",
      "touch",
      "/given/g",
    ]);
    expect([readonly.status, readonly.stderr]).toEqual([1, "touch: /given/g: Read-only file system\n"]);
    expect(await sh(["--volumes-from", "giver", "-v", "own:/given"], "ls /given")).toBe("");
    // The anonymous one is the giver's: --rm of others leaves it there.
    expect(await sh(["--volumes-from", "giver"], "ls /data | wc -l")).toBe("6");
    expect(await tare.tare(["run", "--rm", "--volumes-from", "nobody", "busybox", "true"])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("No such container: nobody"),
    });
    await tare.must(["rm", "-v", "giver"]);
    await tare.must(["volume", "rm", "given", "own"]);
    expect(await volumes()).toEqual([]);
  });

  test("with options they are mounted for containers only, shared by them, and gone with the last one", async () => {
    await tare.must([
      "volume",
      "create",
      "-o",
      "type=tmpfs",
      "-o",
      "device=tmpfs",
      "-o",
      "o=size=1m,uid=5",
      "memory",
    ]);
    const options = (text: string): readonly string[] => [
      "volume",
      "create",
      "-o",
      "type=tmpfs",
      "-o",
      "device=tmpfs",
      "-o",
      text,
      "memory",
    ];
    expect(await tare.must(options("o=size=1m,uid=5"))).toBe("memory");
    expect(await tare.tare(options("o=size=2m"))).toMatchObject({
      status: 1,
      stderr: "tare: create memory: volume name must be unique\n",
    });
    const before = mountTable();
    await tare.must([
      "run",
      "-d",
      "--name",
      "first",
      "-v",
      "memory:/m",
      "busybox",
      "sh",
      "-c",
      "echo kept > /m/file; sleep 1000",
    ]);
    await tare.must(["exec", "first", "sh", "-c", "until [ -s /m/file ]; do sleep 0.01; done"]);
    expect(mountTable()).toBe(before);
    const look = "cat /m/file; stat -c %u /m; df -k /m | tail -1 | awk '{print $2}'";
    expect(await sh(["-v", "memory:/m"], look)).toBe("kept\n5\n1024");
    // The keeper has it, whoever serves.
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(await sh(["-v", "memory:/m"], look)).toBe("kept\n5\n1024");
    expect(
      await sh(["-v", "memory:/a", "-v", "memory:/b:ro"], "cat /a/file /b/file; touch /b/x 2>&1 || true"),
    ).toContain("kept\nkept\n");
    await tare.must(["rm", "-f", "first"]);
    expect(await sh(["-v", "memory:/m"], "ls -A /m")).toBe("");
    await tare.must(["volume", "rm", "memory"]);
  });

  test("on a kernel that can't clone mounts they are one container's at a time", async () => {
    await tare.must(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "alone"]);
    const host = join(tare.directory, "old");
    mkdirSync(host);
    await tare.must(["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", `device=${host}`, "bound"]);
    await tare.must(["daemon", "stop"]);
    const env = { TARE_WITHOUT: "detached-composition" };
    const args = ["-v", "alone:/m", "-v", "bound:/b", "-v", "dir:/d", "--mount", "src=bound,dst=/c,readonly"];
    const script = "touch /m/x /b/x /d/x; ls /c; df -k /m | tail -1 | awk '{print $1}'; sleep 1000";
    await tare.must(["run", "-d", "--name", "only", ...args, "busybox", "sh", "-c", script], { env });
    await tare.must(["exec", "only", "sh", "-c", "until [ -e /d/x ]; do sleep 0.01; done"]);
    expect(existsSync(join(host, "x"))).toBe(true);
    const second = await tare.tare(["run", "--rm", "-v", "alone:/m", "busybox", "true"]);
    expect(second).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("this kernel cannot clone a mount"),
    });
    expect(await sh(["-v", "bound:/b:ro", "-v", "dir:/d"], "ls /b /d")).toBe("/b:\nx\n\n/d:\nx");
    await tare.must(["rm", "-f", "only"]);
    expect(await sh(["-v", "alone:/m"], "ls -A /m")).toBe("");
    await tare.must(["volume", "rm", "alone", "bound", "dir"]);
    await tare.must(["daemon", "stop"]);
  });

  test("with o=bind they are a directory of the host, filled from the image when it is empty", async () => {
    const host = join(tare.directory, "bound");
    mkdirSync(host);
    const options = [
      "--mount",
      `src=bound,dst=/data,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=${host}`,
    ];
    expect(await sh(options, "cat /data/file; echo more > /data/more", "plain")).toBe("text");
    expect(readFileSync(join(host, "more"), "utf8")).toBe("more\n");
    expect(await tare.must(["volume", "inspect", "-f", "{{.Options.device}}", "bound"])).toBe(host);
    await tare.must(["volume", "rm", "bound"]);
    expect(existsSync(join(host, "file"))).toBe(true);
    await tare.must([
      "volume",
      "create",
      "-o",
      "type=none",
      "-o",
      "o=bind",
      "-o",
      `device=${host}/none`,
      "missing",
    ]);
    const failed = await tare.tare(["run", "--rm", "-v", "missing:/x:nocopy", "busybox", "true"]);
    expect(failed).toMatchObject({
      status: 127,
      stderr: expect.stringContaining("failed to mount local volume"),
    });
    await tare.must(["volume", "rm", "missing"]);
  });

  test("what uses them is told by events", async () => {
    const since = String(Date.now() / 1000);
    await sh(["-v", "seen:/x:ro"], "true");
    await tare.must(["volume", "rm", "seen"]);
    const lines = await tare.must([
      "events",
      "--since",
      since,
      "--until",
      String(Date.now() / 1000),
      "--filter",
      "type=volume",
      "--format",
      "{{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}",
    ]);
    const events = lines.split("\n").map((line) => line.split(" "));
    expect(events.map(([action, name]) => `${action} ${name}`)).toEqual([
      "create seen",
      "mount seen",
      "unmount seen",
      "destroy seen",
    ]);
    expect(JSON.parse(events[1]?.[2] ?? "")).toEqual({
      container: expect.stringMatching(/^[0-9a-f]{64}$/),
      destination: "/x",
      driver: "local",
      propagation: "",
      "read/write": "false",
    });
  });

  test("a container that can't be made leaves no anonymous volume", async () => {
    const failed = await tare.tare([
      "create",
      "-v",
      "/x",
      "-v",
      "odd:/y",
      "--volume-driver",
      "odd",
      "busybox",
    ]);
    expect(failed).toMatchObject({ status: 1, stderr: expect.stringContaining('plugin "odd" not found') });
    expect(await volumes()).toEqual([]);
    const overFile = await tare.tare(["create", "-v", "/etc/passwd", "busybox"]);
    expect(overFile).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cannot mount volume over existing file, file exists /etc/passwd"),
    });
    expect(await volumes()).toEqual([]);
  });
});
