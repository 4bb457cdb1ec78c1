import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { connectEngine } from "../../src/mod.ts";
import { busyboxRootfsTar, tarOf } from "../support/images.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

let host: Installation;
let work: string;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-test-"));
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

afterAll(async () => {
  if (!isRoot) return;
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

/** A directory with these files. */
function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(work, "context-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

async function buildQuietly(...words: readonly string[]): Promise<string> {
  return await host.must(["build", "-q", ...words]);
}

async function outputOf(image: string): Promise<string> {
  return await host.must(["run", "--rm", "--network", "none", image]);
}

describe.skipIf(!isRoot)("tare build", () => {
  test("reads a directory in place, without the ignored files", async () => {
    const context = directoryOf({
      Dockerfile: 'FROM base:1\nCOPY . /in/\nCMD ["find", "/in", "-type", "f"]\n',
      ".dockerignore": "*.log\n",
      "a.txt": "a",
      "sub/b.txt": "b",
      "x.log": "x",
    });
    const id = await buildQuietly("-t", "in-place:1", context);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await outputOf("in-place:1")).split("\n").sort()).toEqual([
      "/in/.dockerignore",
      "/in/Dockerfile",
      "/in/a.txt",
      "/in/sub/b.txt",
    ]);
    // The same again comes from the cache.
    expect(await buildQuietly(context)).toBe(id);
  });

  test("the daemon reads a directory only where it is the client's", () => {
    const directory = directoryOf({ file: "x" });
    const { dev, ino } = statSync(directory, { bigint: true });
    const ask = (context: object): { readonly status: string; readonly body: string } => {
      const Dockerfile = { Name: "Dockerfile", Text: "FROM scratch\nCOPY file /\n" };
      const url = "http://tare/tare/builds";
      const args = ["-s", "--unix-socket", host.socket, "-w", "\n%{http_code}", "--data-binary", "@-", url];
      const input = `${JSON.stringify({ Dockerfile, Context: context, Outputs: [] })}\n`;
      const lines = spawnSync("curl", args, { encoding: "utf8", input }).stdout.trimEnd().split("\n");
      return { status: lines.pop() ?? "", body: lines.join("\n").trimEnd() };
    };
    const same = { Path: directory, Device: String(dev), Inode: String(ino) };
    const built = ask(same);
    expect(built.status).toBe("200");
    expect(built.body.split("\n").at(-1)).toStartWith('{"Result":{"Images":[{"Platform":"linux/');
    expect(ask({ ...same, Inode: String(ino + 1n) })).toEqual({
      status: "409",
      body: JSON.stringify({
        message: `cannot read the build context in place: "${directory}" is another directory here`,
      }),
    });
    expect(ask({ ...same, Path: join(directory, "nowhere") }).status).toBe("409");
    expect(ask({ ...same, Path: "relative" }).status).toBe("400");
  });

  test("sends the files where the daemon sees another directory", async () => {
    const own = directoryOf({
      Dockerfile: 'FROM base:1\nCOPY . /in/\nCMD ["cat", "/in/which"]\n',
      which: "mine",
      "skipped.log": "x",
      ".dockerignore": "*.log",
    });
    const other = directoryOf({ Dockerfile: "FROM nowhere:1\n", which: "the daemon's" });
    const words = [executable, ...host.globalFlags, "build", "-q", "-t", "sent:1", other];
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const { status, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", own, other, ...words], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(await outputOf("sent:1")).toBe("mine");
    expect(await host.must(["run", "--rm", "--network", "none", "sent:1", "ls", "/in"])).toBe(
      "Dockerfile\nwhich",
    );
  });

  test("takes the Dockerfile from standard input, from elsewhere with its own ignore file, or all from an archive", async () => {
    const context = directoryOf({ file: "text", "only.log": "log" });
    const dockerfile = 'FROM base:1\nCOPY . /in/\nCMD ["ls", "/in"]\n';
    await host.must(["build", "-q", "-t", "from-input:1", "-f", "-", context], { input: dockerfile });
    expect(await outputOf("from-input:1")).toBe("file\nonly.log");
    const elsewhere = directoryOf({ "D.dev": dockerfile, "D.dev.dockerignore": "only.*" });
    await buildQuietly("-t", "elsewhere:1", "-f", join(elsewhere, "D.dev"), context);
    expect(await outputOf("elsewhere:1")).toBe("file");
    writeFileSync(join(context, "Dockerfile"), dockerfile);
    const archive = spawnSync("tar", ["-C", context, "-cz", "."]).stdout;
    await host.must(["build", "-q", "-t", "archive:1", "-"], { input: archive });
    expect(await outputOf("archive:1")).toBe("Dockerfile\nfile\nonly.log");
    await host.must(["build", "-q", "-t", "no-files:1", "-"], {
      input: 'FROM base:1\nCMD ["echo", "none"]\n',
    });
    expect(await outputOf("no-files:1")).toBe("none");
  });

  test("secrets are in the step and nowhere else", async () => {
    const context = directoryOf({
      Dockerfile:
        'FROM base:1\nRUN --mount=type=secret,id=token --mount=type=secret,id=env wc -c /run/secrets/token /run/secrets/env > /sizes\nCMD ["cat", "/sizes"]\n',
    });
    const file = join(work, "token");
    writeFileSync(file, "hunter2-secret");
    const secrets = ["--secret", `id=token,src=${file}`, "--secret", "id=env,env=OTHER"];
    const { status, stderr } = await host.tare(["build", "-t", "secret:1", ...secrets, context], {
      env: { OTHER: "hunter3" },
    });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect(await outputOf("secret:1")).toMatch(/^ *14 .*token\n *7 .*env\n/);
    const archive = join(work, "secret.tar");
    await host.must(["save", "-o", archive, "secret:1"]);
    for (const text of [
      stderr,
      readFileSync(archive).toString("latin1"),
      await host.must(["history", "--no-trunc", "secret:1"]),
      await host.must(["image", "inspect", "secret:1"]),
      host.daemonLog(),
    ]) {
      expect(text).not.toContain("hunter2");
      expect(text).not.toContain("hunter3");
    }
    expect(spawnSync("grep", ["-rl", "hunter2-secret", host.dataRoot], { encoding: "utf8" }).stdout).toBe("");
  });

  test("writes the id and the metadata, and the files or an archive of them", async () => {
    const context = directoryOf({
      Dockerfile: "FROM scratch\nCOPY a /\nCOPY sub /sub\n",
      a: "A",
      "sub/b": "B",
    });
    const [iid, metadata, files] = [join(work, "iid"), join(work, "metadata"), join(work, "files")];
    const id = await buildQuietly("-t", "results:1", "--iidfile", iid, "--metadata-file", metadata, context);
    expect(readFileSync(iid, "utf8")).toBe(id);
    expect(JSON.parse(readFileSync(metadata, "utf8"))).toMatchObject({
      "containerimage.config.digest": id,
      "image.name": "docker.io/library/results:1",
    });
    await host.must(["build", "-o", files, context]);
    expect([readFileSync(join(files, "a"), "utf8"), readFileSync(join(files, "sub/b"), "utf8")]).toEqual([
      "A",
      "B",
    ]);
    await host.must(["build", "-o", `type=tar,dest=${join(work, "out.tar")}`, context]);
    const { stdout } = spawnSync("tar", ["-tf", join(work, "out.tar")], { encoding: "utf8" });
    expect(stdout.split("\n").filter((line) => line !== "")).toEqual(["a", "sub/", "sub/b"]);
  });

  test("a step that fails gives its output, the place in the Dockerfile and one sentence", async () => {
    const context = directoryOf({
      Dockerfile: "FROM base:1\nRUN true\nRUN echo out; echo err >&2; exit 3\n# end\n",
    });
    const { status, stdout, stderr } = await host.tare(["build", "-t", "failed:1", context]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.slice(stderr.indexOf("------"))).toBe(
      [
        "------",
        " > [3/3] RUN echo out; echo err >&2; exit 3:",
        "out",
        "err",
        "------",
        "Dockerfile:3",
        "--------------------",
        "   1 |     FROM base:1",
        "   2 |     RUN true",
        "   3 | >>> RUN echo out; echo err >&2; exit 3",
        "   4 |     # end",
        "   5 |     ",
        "--------------------",
        'ERROR: failed to build: failed to solve: process "/bin/sh -c echo out; echo err >&2; exit 3" did not complete successfully: exit code: 3',
        "",
      ].join("\n"),
    );
    expect(await host.refused(["image", "inspect", "failed:1"])).toContain("failed:1");
  });

  test.each<[string, readonly string[], string]>([
    [
      "a context that is not there",
      ["/nowhere"],
      'ERROR: failed to build: unable to prepare context: path "/nowhere" not found\n',
    ],
    [
      "a Dockerfile that is not there",
      ["-f", "/nowhere", "/"],
      "ERROR: failed to build: failed to solve: failed to read dockerfile: open nowhere: no such file or directory\n",
    ],
    [
      "a secret that is not there",
      ["--secret", "id=a,src=/nowhere", "/"],
      "ERROR: failed to build: failed to stat /nowhere: stat /nowhere: no such file or directory\n",
    ],
  ])("refuses %s with one sentence", async (_, words, sentence) => {
    expect(await host.refused(["build", ...words])).toBe(sentence);
  });

  test("a step has more rights only where the command line allows it", async () => {
    const context = directoryOf({
      Dockerfile: "FROM base:1\nRUN --security=insecure mount -t tmpfs none /mnt 2>&1 || mkdir /mnt\n",
    });
    expect(await host.refused(["build", context])).toEndWith(
      "ERROR: failed to build: failed to solve: security.insecure is not allowed: allow it with --allow security.insecure\n",
    );
    await buildQuietly("--allow", "security.insecure", context);
    writeFileSync(join(context, "Dockerfile"), "FROM base:1\nRUN --network=host true\n");
    expect(await host.refused(["build", context])).toContain("network.host is not allowed");
  });

  test("refuses flags that come later by name", async () => {
    const { status, stderr } = await host.tare(["build", "--security-opt", "a=b", "/"]);
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: "tare: --security-opt is not supported yet\n",
    });
  });

  test("SIGINT ends the step and leaves nothing", async () => {
    const context = directoryOf({ Dockerfile: "FROM base:1\nRUN echo begun; sleep 4321\n" });
    const child = spawn(executable, [...host.globalFlags, "build", "-t", "canceled:1", context], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    child.stderr.on("data", (piece: Buffer) => {
      stderr += piece.toString();
      if (/^#\d+ [\d.]+ begun$/m.test(stderr)) resolve();
    });
    const closed = new Promise<number | null>((done) => child.on("close", (code) => done(code)));
    await begun;
    child.kill("SIGINT");
    expect(await closed).toBe(130);
    expect(stderr).toEndWith("ERROR: failed to build: failed to solve: Canceled: context canceled\n");
    expect(await waitUntilEmpty(() => host.keeperPids().map(String))).toEqual([]);
    await host.must(["system", "settle"]);
    expect(await host.must(["ps", "-aq"])).toBe("");
    expect(await host.refused(["image", "inspect", "canceled:1"])).toContain("canceled:1");
    expect(await host.must(["system", "check"])).not.toContain("left");
  });

  test("two builds at once share the step that both need", async () => {
    const one = directoryOf({
      Dockerfile: 'FROM base:1\nRUN sleep 1; cat /proc/sys/kernel/random/uuid > /id\nCMD ["cat", "/id"]\n',
    });
    await Promise.all([buildQuietly("-t", "twin:1", one), buildQuietly("-t", "twin:2", one)]);
    expect(await outputOf("twin:1")).toBe(await outputOf("twin:2"));
  });

  test("--check reports the findings and builds nothing", async () => {
    const context = directoryOf({ Dockerfile: "FROM base:1\nMAINTAINER me\n" });
    const { status, stdout } = await host.tare(["build", "--check", "-t", "checked:1", context]);
    expect(status).toBe(1);
    expect(stdout).toStartWith(
      "Check complete, 1 warning has been found!\n\nWARNING: MaintainerDeprecated - ",
    );
    expect(stdout).toContain("   2 | >>> MAINTAINER me\n");
    expect(await host.refused(["image", "inspect", "checked:1"])).toContain("checked:1");
    writeFileSync(join(context, "Dockerfile"), "FROM base:1\n");
    expect(await host.must(["build", "--check", context])).toBe("Check complete, no warnings found.");
    writeFileSync(join(context, "Dockerfile"), "# check=error=true\nFROM base:1\nMAINTAINER me\n");
    expect(await host.refused(["build", context])).toEndWith(
      "ERROR: failed to build: failed to solve: lint violation found for rules: MaintainerDeprecated\n",
    );
  });

  test("--progress rawjson has one object a line", async () => {
    const context = directoryOf({ Dockerfile: "FROM base:1\nRUN echo raw\n" });
    const { stderr } = await host.tare(["build", "--no-cache", "--progress", "rawjson", context]);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    const data = Buffer.from("raw\n").toString("base64");
    expect(lines).toContainEqual(
      expect.objectContaining({ logs: [expect.objectContaining({ stream: 1, data })] }),
    );
  });
});

describe.skipIf(!isRoot)("tare build --build-context", () => {
  const dockerfile =
    'FROM nowhere.invalid/x\nCOPY a /a\nCOPY --from=other / /in/\nCMD ["sh", "-c", "cat /a /in/b; ls /in"]\n';
  const files = (): readonly [string, string] => [
    directoryOf({ Dockerfile: dockerfile, a: "a\n" }),
    directoryOf({ b: "b\n", ".dockerignore": "c\n", c: "c\n" }),
  ];
  const named = ["--build-context", "nowhere.invalid/x=docker-image://base:1"];

  test("a directory and an image take the place of images", async () => {
    const [context, other] = files();
    await buildQuietly("-t", "named:1", ...named, "--build-context", `other=${other}`, context);
    expect(await outputOf("named:1")).toBe("a\nb\nb");
    await using engine = await connectEngine({ host: `unix://${host.socket}` });
    const id = await engine.build({
      context,
      contexts: { "nowhere.invalid/x:latest": "docker-image://base:1", other },
    });
    expect(await host.must(["image", "inspect", "--format", "{{.Id}}", "named:1"])).toBe(id);
  });

  test("an archive of a web server is a context", async () => {
    const archive = tarOf([["b", "from the web\n"]]);
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(archive) });
    try {
      const [context] = files();
      const url = `http://127.0.0.1:${server.port}/context.tar`;
      await buildQuietly("-t", "named:2", ...named, "--build-context", `other=${url}`, context);
      expect(await outputOf("named:2")).toBe("a\nfrom the web\nb");
    } finally {
      await server.stop(true);
    }
  });

  test("directories that the daemon does not have are sent", async () => {
    const [context, other] = files();
    const hidden = mkdtempSync(join(work, "hidden-"));
    // The daemon has an empty directory there.
    const script = `mount --bind ${work} ${work} && mount -t tmpfs none ${hidden} && cp -r ${other} ${hidden}/other && exec "$@"`;
    const words = ["build", "-q", ...named, "--build-context", `other=${hidden}/other`, context];
    const client = [executable, "--data-root", host.dataRoot, "--run-root", host.runRoot, ...words];
    const sent = spawnSync("unshare", ["-m", "sh", "-ec", script, "sh", ...client], { encoding: "utf8" });
    expect([sent.status, sent.stderr]).toEqual([0, ""]);
    expect(await outputOf(sent.stdout.trim())).toBe("a\nb\nb");
  });

  test.each([
    ["other=/nowhere", "failed to get build context other: "],
    ["other", "invalid context value: other, expected key=value"],
    ["OTHER=x", "invalid context name OTHER"],
    ["other=oci-layout://x", 'context "other": oci-layout://x is not supported'],
  ])("%s is refused in one sentence", async (value, sentence) => {
    const context = directoryOf({ Dockerfile: "FROM scratch\n" });
    const { status, stderr } = await host.tare(["build", "--build-context", value, context]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(sentence);
  });

  test("an archive's link is no context", () => {
    const line = {
      Dockerfile: { Name: "Dockerfile", Text: "FROM scratch\nCOPY --from=x etc/passwd /\n" },
      NamedContexts: { x: { InArchive: 1 } },
      Outputs: [],
    };
    const archive = tarOf([
      ["0/", ""],
      ["1", { link: "/" }],
    ]);
    const args = ["-s", "--unix-socket", host.socket, "--data-binary", "@-", "http://tare/tare/builds"];
    const input = Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), archive]);
    const { stdout } = spawnSync("curl", args, { encoding: "utf8", input });
    expect(stdout).toContain('the archive of the contexts has no directory \\"1\\"');
  });
});

describe.skipIf(!isRoot)("LibraryEngine.build() of a connected engine", () => {
  test("gives typed progress, the id, and failures with their place", async () => {
    await using engine = await connectEngine({ host: `unix://${host.socket}` });
    const context = directoryOf({
      Dockerfile: "FROM base:1\nCOPY a /\nRUN --mount=type=secret,id=s wc -c /run/secrets/s; cat /a\n",
      a: "content",
    });
    const output: string[] = [];
    const id = await engine.build({
      context,
      tags: ["library:1"],
      secrets: { s: "12345" },
      onProgress: (event) => {
        if (event.kind === "log") output.push(Buffer.from(event.bytes).toString());
      },
    });
    expect(output.join("")).toMatch(/^5 .*\ncontent$/);
    expect(await host.must(["image", "inspect", "--format", "{{.Id}}", "library:1"])).toBe(id);
    const failed = engine.build({ context, dockerfile: { text: "FROM base:1\nRUN exit 7\n" } });
    const failure = await failed.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ details: { line: 2, endLine: 2, exitCode: 7 } });
    const none = engine.build({ context, dockerfile: "/nowhere/Dockerfile" });
    expect(await none.catch((thrown: unknown) => (thrown instanceof Failure ? thrown.kind : thrown))).toBe(
      "not-found",
    );
  });
});

describe.skipIf(!isRoot)("tare builder", () => {
  test("du lists what a build has left in the cache, prune removes it", async () => {
    const context = directoryOf({ Dockerfile: "FROM base:1\nRUN echo 12345 > /made-for-du\n" });
    await buildQuietly(context);
    expect(await host.must(["builder", "du", "--verbose"])).toContain("RUN echo 12345 > /made-for-du");
    expect(await host.must(["builder", "du", "--format", "json"])).toContain('"Reclaimable":"true"');
    expect(await host.must(["system", "df"])).toMatch(/^Build Cache +[1-9]/m);
    const rows = async (...filter: readonly string[]): Promise<number> =>
      (await host.must(["builder", "du", "--format", "{{.ID}}", ...filter])).split("\n").filter(Boolean)
        .length;
    const all = await rows();
    expect(await rows("--filter", "description~=RUN echo [0-9]+ > /made-for-du$")).toBe(1);
    expect(await rows("--filter", "mutable=true")).toBe(await rows("--filter", "type=exec.cachemount"));
    expect(await host.must(["builder", "prune", "-af", "--filter", "id=^nothing"])).toBe(
      "Total reclaimed space: 0B",
    );
    expect(await host.must(["builder", "prune", "-af", "--max-used-space", "100g"])).toBe(
      "Total reclaimed space: 0B",
    );
    expect(await rows()).toBe(all);
    const pruned = await host.must(["builder", "prune", "-af"]);
    expect(pruned).toStartWith("Deleted build cache objects:\n");
    expect(pruned).toContain("Total reclaimed space: ");
    expect(await host.must(["builder", "du"])).toEndWith("Total:\t\t0B");
    expect(await host.must(["builder", "prune", "-f"])).toBe("Total reclaimed space: 0B");
  });

  test("prune asks before it removes anything", async () => {
    const { stdout } = await host.tare(["builder", "prune"], { input: "n\n" });
    expect(stdout).toBe(
      "WARNING! This will remove all dangling build cache.\nAre you sure you want to continue? [y/N] ",
    );
  });
});
