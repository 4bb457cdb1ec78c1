import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { poll } from "../support/patience.ts";
import { busyboxRootfsTar, type Contents, tarOf } from "../support/images.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../src/spec/tar-writer.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

let host: Installation;
let work: string;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-hostile-"));
  writeFileSync(join(work, "outside"), "secret of the host");
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

afterAll(async () => {
  if (!isRoot) return;
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

/** A step of a build has its container. */
async function stepRuns(): Promise<void> {
  const what = "the container of a step";
  await poll(() => (host.keeperPids().length > 0 ? true : undefined), { timeoutMs: 20_000, what });
}

function contextOf(files: Readonly<Record<string, Contents>>): string {
  const directory = mkdtempSync(join(work, "context-"));
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    if (typeof content === "object" && "link" in content) symlinkSync(content.link, place);
    else writeFileSync(place, content);
  }
  return directory;
}

/** Processes, control groups and files that a build has left. */
function leftovers(): readonly string[] {
  const copies = join(host.dataRoot, "build/copies");
  const files = join(host.runRoot, "builds");
  return [
    ...host.keeperPids().map(String),
    ...host.cgroups(),
    ...(existsSync(copies) ? readdirSync(copies) : []),
    ...(existsSync(files) ? readdirSync(files) : []),
  ];
}

/** Programs that decompress for a build of this test. */
function compressors(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^(?:xz|bzip2)\0-dc/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    } catch {
      return false;
    }
  });
}

async function findings(): Promise<string> {
  return await host.must(["system", "check"]);
}

describe.skipIf(!isRoot)("hostile contexts and stages", () => {
  test.each([
    ["an absolute link", { link: "/" }],
    ["a link with dots", { link: "../../../../.." }],
  ])("%s of the context leads nowhere out of it", async (_, link) => {
    const context = contextOf({
      Dockerfile: `FROM base:1\nCOPY out${work}/outside /x\n`,
      out: link,
    });
    expect(await host.refused(["build", context])).toContain("not found");
    const mounted = contextOf({
      Dockerfile: `FROM base:1\nRUN --mount=type=bind,source=out${work},target=/m ls /m\n`,
      out: link,
    });
    expect(await host.refused(["build", mounted])).toContain("not found");
  });

  test("a mount of the context has no ignored file, and a link to one finds nothing", async () => {
    const context = contextOf({
      Dockerfile:
        'FROM base:1\nRUN --mount=type=bind,target=/m find /m -type f > /found; stat -c %u /m/d/kept >> /found\nCMD ["cat", "/found"]\n',
      ".dockerignore": "**/ignored\nDockerfile\n.dockerignore\n",
      ignored: "1",
      "d/ignored": "1",
      "d/kept": "1",
      link: { link: "d/ignored" },
    });
    chownSync(join(context, "d/kept"), 7, 7);
    await host.must(["build", "-q", "-t", "mounted:1", context]);
    expect(await host.must(["run", "--rm", "--network", "none", "mounted:1"])).toBe("/m/d/kept\n0");
    for (const source of ["ignored", "link"]) {
      writeFileSync(
        join(context, "Dockerfile"),
        `FROM base:1\nRUN --mount=type=bind,source=${source},target=/m cat /m\n`,
      );
      expect(await host.refused(["build", context])).toContain("not found");
    }
  });

  test("secrets and proxies of a step are in no file of the host while it runs", async () => {
    const context = contextOf({
      Dockerfile:
        "FROM base:1\nRUN --mount=type=secret,id=s,env=S echo value ${#S} ${#HTTP_PROXY} && sleep 2\n",
    });
    const value = `hunter-${String(process.pid)}`;
    const building = host.tare(
      ["build", "--progress", "plain", "--secret", "id=s,env=S", "--build-arg", "HTTP_PROXY", context],
      { env: { S: value, HTTP_PROXY: `http://u:${value}@proxy.example` } },
    );
    await stepRuns();
    const found = spawnSync("grep", ["-rls", "--", value, host.dataRoot, host.runRoot], { encoding: "utf8" });
    expect(found.stdout).toBe("");
    const { stderr } = await building;
    expect(stderr).toContain(`value ${value.length} ${value.length + 23}`);
  });

  test("a Dockerfile or an ignore file that is a link out of the context is not read", async () => {
    const context = contextOf({ Dockerfile: { link: join(work, "outside") } });
    expect(await host.refused(["build", context])).not.toContain("secret of the host");
    const ignored = contextOf({
      Dockerfile: 'FROM base:1\nCOPY . /x\nCMD ["cat", "/x/a"]\n',
      ".dockerignore": { link: "/dev/zero" },
      a: "1",
    });
    await host.refused(["build", ignored], { timeoutMs: 20_000 });
  });

  test("links of a stage are followed in the stage, and in what is copied to", async () => {
    const context = contextOf({
      Dockerfile: [
        "FROM base:1 AS one",
        `RUN ln -s ${work}/outside /l && ln -s / /root-link && ln -s ../../../../../.. /up`,
        "FROM base:1",
        "RUN mkdir /real && ln -s /real /to && ln -s ../../../../../../real /up",
        "COPY --from=one /bin/busybox /to/b1",
        "COPY --from=one /root-link/bin/busybox /up/b2",
        "RUN test -f /real/b1 && test -f /real/b2",
        "COPY --from=one /l /x",
        "",
      ].join("\n"),
    });
    expect(await host.refused(["build", context])).toContain('"/l": not found');
  });

  test("an archive of ADD stays below its target", async () => {
    const member = (path: string, more: object = {}): Buffer =>
      Buffer.concat([
        encodeTarMember({ path, type: "file", mode: 0o644, size: 1, ...more }),
        Buffer.from("x"),
        new Uint8Array(tarPadding(1)),
      ]);
    for (const path of ["../escaped", "a/../../escaped"]) {
      const context = contextOf({
        Dockerfile: "FROM base:1\nADD evil.tar /in/\n",
        "evil.tar": Buffer.concat([member(path), encodeTarEnd()]),
      });
      expect(await host.refused(["build", context])).toMatch(/escaped|name/);
    }
    const linked = contextOf({
      Dockerfile: 'FROM base:1\nRUN mkdir /in\nADD evil.tar /in/\nCMD ["ls", "/in", "/etc"]\n',
      "evil.tar": Buffer.concat([
        encodeTarMember({ path: "l", type: "symlink", linkName: work, mode: 0o777 }),
        member("l/planted"),
        encodeTarEnd(),
      ]),
    });
    await host.tare(["build", linked]);
    expect(existsSync(join(work, "planted"))).toBe(false);
  });

  test("ADD unpacks archives, and copies what only looks like one", async () => {
    const inner = tarOf([
      ["d/", ""],
      ["d/f", "content"],
    ]);
    const context = contextOf({
      Dockerfile:
        'FROM base:1\nADD plain.tar packed.tar.gz /in/\nADD notes.gz /n\nADD --chown=3:4 plain.tar /owned\nCOPY plain.tar /c\nCMD ["sh", "-c", "find /in /n /c -type f; stat -c %u:%g /owned/d/f"]\n',
      "plain.tar": inner,
      "packed.tar.gz": Bun.gzipSync(
        new Uint8Array(
          tarOf([
            ["e/", ""],
            ["e/g", "content"],
          ]),
        ),
      ),
      "notes.gz": Bun.gzipSync(new Uint8Array(Buffer.from("just text"))),
    });
    await host.must(["build", "-q", "-t", "added:1", context]);
    const out = await host.must(["run", "--rm", "--network", "none", "added:1"]);
    expect(out.split("\n").sort()).toEqual(["/c", "/in/d/f", "/in/e/g", "/n", "3:4"]);
  });

  test.each([
    ["bzip2", ["bzip2", "-c"]],
    ["xz", ["xz", "-c"]],
    ["zstd", ["zstd", "-qc"]],
    ["gzip", ["gzip", "-c"]],
  ])(
    "ADD unpacks %s, and neither damage nor what is no tar does harm",
    async (_, [program = "", ...args]) => {
      const compress = (input: Uint8Array): Buffer =>
        spawnSync(program, args, { input, maxBuffer: 1e9 }).stdout;
      const random = randomBytes(2_000_000).toString("base64");
      const whole = compress(
        tarOf([
          ["d/f", "unpacked"],
          ["d/g", random],
        ]),
      );
      const context = contextOf({
        Dockerfile: "FROM base:1\nADD whole /in/\nADD text /text/\nADD --unpack=false whole /kept/\n",
        whole,
        text: compress(Buffer.from("no tar")),
      });
      await host.must(["build", "-q", "-t", "archives:1", context]);
      const script = "cat /in/d/f; wc -c < /in/d/g; ls /text /kept";
      expect(await host.must(["run", "--rm", "--network", "none", "archives:1", "sh", "-c", script])).toBe(
        `unpacked${random.length}\n/kept:\nwhole\n\n/text:\ntext`,
      );
      const damaged = contextOf({
        Dockerfile: "FROM base:1\nADD cut /in/\n",
        cut: whole.subarray(0, whole.length - 60_000),
      });
      expect(await host.refused(["build", damaged])).toMatch(/ERROR: failed to build: failed to solve: .*/);
      expect(leftovers()).toEqual([]);
      expect(compressors()).toEqual([]);
    },
  );

  test("a bomb of xz ends with one sentence when the disk is full, and its program with it", async () => {
    const disk = join(work, "small-disk");
    mkdirSync(disk);
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=100m", "tmpfs", disk]);
    try {
      await using small = new Installation({ dataRoot: disk });
      await small.must(["import", busyboxRootfsTar(), "base:1"]);
      const header = encodeTarMember({ path: "big", type: "file", mode: 0o644, size: 2 ** 28 });
      const bomb = spawnSync("sh", ["-c", "(cat; head -c 268435456 /dev/zero | tr '\\0' x) | xz -0 -c -T1"], {
        input: header,
        maxBuffer: 1e9,
      }).stdout;
      const context = contextOf({ Dockerfile: "FROM base:1\nADD bomb /in/\n", bomb });
      expect(await small.refused(["build", context])).toMatch(
        /failed to solve: cannot unpack "big": .*ENOSPC$/m,
      );
      expect(compressors()).toEqual([]);
      const copies = join(disk, "build/copies");
      expect(existsSync(copies) ? readdirSync(copies) : []).toEqual([]);
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  });

  test("a failed build changes no image and leaves nothing", async () => {
    await host.must(["tag", "base:1", "kept:1"]);
    // Without their ages.
    const images = ["images", "-a", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"];
    const before = await host.must(images);
    const context = contextOf({ Dockerfile: "FROM base:1\nRUN touch /f && exit 4\n" });
    expect(await host.refused(["build", "-t", "kept:1", context])).toContain("exit code: 4");
    expect(await host.must(images)).toBe(before);
    expect(await waitUntilEmpty(leftovers)).toEqual([]);
  });

  test("two builds share a step that both need", async () => {
    const dockerfile =
      'FROM base:1\nRUN --mount=type=cache,id=shared,target=/c echo x >> /c/count && sleep 1\nCMD ["true"]\n';
    const contexts = [contextOf({ Dockerfile: dockerfile }), contextOf({ Dockerfile: dockerfile })];
    const ids = await Promise.all(contexts.map((each) => host.must(["build", "-q", each])));
    expect(ids[0]).toBe(ids[1]);
    const counted = contextOf({
      Dockerfile:
        'FROM base:1\nRUN --mount=type=cache,id=shared,target=/c cp /c/count /count\nCMD ["cat", "/count"]\n',
    });
    const id = await host.must(["build", "-q", counted]);
    expect(await host.must(["run", "--rm", "--network", "none", id])).toBe("x");
  });

  test("no list shows a step, and no event tells of it", async () => {
    const since = String(Math.floor(Date.now() / 1000) - 1);
    const context = contextOf({ Dockerfile: "FROM base:1\nRUN sleep 2\n" });
    const building = host.must(["build", "-q", "--no-cache", context]);
    await stepRuns();
    expect(await host.must(["ps", "-aq"])).toBe("");
    await building;
    const events = await host.must([
      "events",
      "--since",
      since,
      "--until",
      String(Math.floor(Date.now() / 1000) + 1),
    ]);
    // Steps have no image.
    expect(events).not.toMatch(/container .*image=[,)]/);
    expect(events).toMatch(/image create/);
  });

  test("after kill -9 of the daemon nothing of a build is left, and its cache is used", async () => {
    const context = contextOf({
      Dockerfile: "FROM base:1\nRUN echo first > /f\nRUN sleep 60\n",
    });
    const child = spawn(executable, [...host.globalFlags, "build", "--progress", "plain", context], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.on("data", (piece: Buffer) => (output += piece.toString()));
    while (!/\[3\/3\] RUN sleep 60/.test(output)) await Bun.sleep(50);
    await Bun.sleep(300);
    process.kill(host.daemonPid() ?? -1, "SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    await poll(() => (host.keeperPids().length === 0 ? true : undefined), {
      timeoutMs: 10_000,
      what: "the end of the step",
    });
    // The next daemon removes the rest.
    await host.must(["ps"]);
    expect(await waitUntilEmpty(leftovers)).toEqual([]);
    const again = contextOf({ Dockerfile: "FROM base:1\nRUN echo first > /f\nRUN echo second\n" });
    const { stderr, status } = await host.tare(["build", "--progress", "plain", again]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/\[2\/3\] RUN echo first > \/f\n#\d+ CACHED/);
    expect(await findings()).not.toMatch(/snapshot|cgroup/);
    expect(readFileSync(join(work, "outside"), "utf8")).toBe("secret of the host");
  });
});
