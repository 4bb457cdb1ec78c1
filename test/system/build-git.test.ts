import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitFiles, GitServer, makeRepository, runGit } from "../support/git-server.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

let host: Installation;
let work: string;
let git: GitServer;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-git-"));
  git = await GitServer.start(work);
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

beforeEach(() => {
  if (!isRoot) return;
  git.authorization = undefined;
  git.paths.length = 0;
});

afterAll(async () => {
  if (!isRoot) return;
  git[Symbol.dispose]();
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

async function build(dockerfile: string, ...words: readonly string[]): Promise<string> {
  return await host.must(["build", "-q", "-t", "git:1", ...words, "-"], { input: dockerfile });
}

async function refused(dockerfile: string, ...words: readonly string[]): Promise<string> {
  const { status, stderr } = await host.tare(["build", ...words, "-"], { input: dockerfile });
  expect(status).not.toBe(0);
  return stderr;
}

async function run(...command: readonly string[]): Promise<string> {
  return await host.must(["run", "--rm", "--network", "none", "git:1", ...command]);
}

function sourceDirectories(): readonly string[] {
  const directory = join(host.dataRoot, "build/sources");
  return existsSync(directory) ? readdirSync(directory) : [];
}

const add = (rest: string, flags = ""): string => `FROM base:1\nADD ${flags} ${git.origin}/${rest} /in/\n`;

describe.skipIf(!isRoot)("ADD of a git repository", () => {
  test("has the files of a branch, tag, commit or the default, and of a directory of them", async () => {
    const path = join(work, "refs.git");
    const first = makeRepository(path, { "a.txt": "one", "docs/b.txt": "b", "docs/deep/c": "c" });
    runGit(path, ["tag", "-a", "v1", "-m", "v1", first]);
    const second = commitFiles(path, { "a.txt": "two" }, { branch: "next" });
    for (const [rest, text] of [
      ["refs.git", "two"],
      ["refs.git#v1", "one"],
      ["refs.git#next", "two"],
      [`refs.git#${first}`, "one"],
      ["refs.git#refs/tags/v1", "one"],
      ["refs.git?tag=v1", "one"],
      ["refs.git?branch=next", "two"],
      [`refs.git?ref=v1&commit=${first}`, "one"],
      [`refs.git?commit=${second}`, "two"],
    ] as const) {
      await build(add(rest));
      expect([rest, await run("cat", "/in/a.txt")]).toEqual([rest, text]);
    }
    for (const rest of ["refs.git#v1:docs", "refs.git#:docs", "refs.git?subdir=docs&ref=v1"]) {
      await build(add(rest));
      expect((await run("find", "/in", "-type", "f")).split("\n").sort()).toEqual([
        "/in/b.txt",
        "/in/deep/c",
      ]);
    }
  });

  test("modes are 0644 and 0755, the owner is root, .git is there only on request", async () => {
    const path = join(work, "modes.git");
    makeRepository(path, { f: "f" });
    const tool = join(`${path}.work`, "tool");
    writeFileSync(tool, "#!/bin/sh\n", { mode: 0o700 });
    symlinkSync("/etc/shadow", join(`${path}.work`, "link"));
    const commit = commitFiles(path, {});
    await build(add("modes.git", "--chown=7:8"));
    expect((await run("stat", "-c", "%n %a %u:%g", "/in/f", "/in/tool", "/in/link")).split("\n")).toEqual([
      "/in/f 644 7:8",
      "/in/tool 755 7:8",
      "/in/link 777 7:8",
    ]);
    expect(await run("ls", "-A", "/in")).toBe("f\nlink\ntool");
    for (const [rest, flags] of [
      ["modes.git", "--keep-git-dir=true"],
      ["modes.git?keep-git-dir=1", ""],
    ] as const) {
      await build(add(rest, flags));
      expect(await run("cat", "/in/.git/HEAD")).toBe(commit);
      expect(await run("cat", "/in/.git/config")).toContain(`url = ${git.origin}/modes.git`);
    }
    const kept = join(work, "kept");
    await host.must(["build", "-q", "-o", kept, "-"], {
      input: `FROM scratch\nADD --keep-git-dir ${git.origin}/modes.git /\n`,
    });
    expect(runGit(kept, ["-c", "safe.directory=*", "status", "--porcelain"])).toBe("");
    expect(runGit(kept, ["-c", "safe.directory=*", "rev-parse", "HEAD"])).toBe(commit);
  });

  test("a commit that is known is not brought again; a new one is", async () => {
    const path = join(work, "cached.git");
    const commit = makeRepository(path, { f: "1" });
    const first = await build(add("cached.git"));
    expect(await build(add("cached.git"))).toBe(first);
    git.paths.length = 0;
    await build(add(`cached.git#${commit}`));
    expect(git.paths).toEqual([]);
    commitFiles(path, { f: "2" });
    expect(await build(add("cached.git"))).not.toBe(first);
    expect(await run("cat", "/in/f")).toBe("2");
    expect(await host.must(["builder", "du", "--verbose"])).toContain(
      `git snapshot for ${git.origin}/cached.git`,
    );
  });

  test("--checksum is the commit, whole or how it begins", async () => {
    const commit = makeRepository(join(work, "sum.git"), { f: "1" });
    await build(add("sum.git", `--checksum=${commit.slice(0, 7)}`));
    await build(add("sum.git", `--checksum=${commit}`));
    const other = commit.startsWith("0") ? "1" : "0";
    expect(await refused(add("sum.git", `--checksum=${other}`))).toContain(
      `expected checksum to match ${other}, got ${commit}`,
    );
    expect(await refused(add("sum.git", "--checksum=sha256:00"))).toContain("it is no commit");
  });

  test("submodules come with it, unless they are not wanted", async () => {
    const inner = join(work, "inner.git");
    const commit = makeRepository(inner, { "inner.txt": "inner" });
    const path = join(work, "outer.git");
    makeRepository(path, {
      "outer.txt": "outer",
      ".gitmodules": '[submodule "x"]\n\tpath = libs/x\n\turl = ../inner.git\n',
    });
    const here = [`--git-dir=${path}`, "-c", "core.bare=false", `--work-tree=${path}.work`];
    runGit(`${path}.work`, [...here, "update-index", "--add", "--cacheinfo", `160000,${commit},libs/x`]);
    runGit(`${path}.work`, [...here, "commit", "-qm", "submodule"]);
    await build(add("outer.git"));
    expect((await run("find", "/in", "-type", "f")).split("\n").sort()).toEqual([
      "/in/.gitmodules",
      "/in/libs/x/inner.txt",
      "/in/outer.txt",
    ]);
    await build(add("outer.git?submodules=false"));
    expect(await run("find", "/in/libs/x")).toBe("/in/libs/x");
  });

  test("credentials are secrets or of the URL, and in no message", async () => {
    makeRepository(join(work, "private.git"), { f: "private" });
    const token = join(work, "token");
    writeFileSync(token, "tok-456");
    const secret = (id: string): readonly string[] => ["--secret", `id=${id},src=${token}`];
    git.authorization = `basic ${btoa("x-access-token:tok-456")}`;
    await build(add("private.git"), ...secret("GIT_AUTH_TOKEN"));
    await build(
      `FROM base:1\nRUN echo ${Date.now()}\nADD ${git.origin}/private.git#main /in/\n`,
      ...secret(`GIT_AUTH_TOKEN.${git.origin.slice(7)}`),
    );
    expect(await run("cat", "/in/f")).toBe("private");
    const without = await refused(add("private.git"));
    expect(without).toContain(`failed to fetch remote ${git.origin}/private.git`);
    git.authorization = "tok-456";
    await build(add("private.git"), ...secret("GIT_AUTH_HEADER"));
    git.authorization = `Basic ${btoa("user:p@ss")}`;
    const named = `${git.origin.replace("//", "//user:p%40ss@")}/private.git`;
    await build(`FROM base:1\nADD ${named} /in/\n`);
    git.authorization = "another";
    expect(await refused(`FROM base:1\nADD ${named} /in/\n`)).toContain("failed to fetch remote");
  });

  test("what is no repository, or has no such state, is one sentence", async () => {
    makeRepository(join(work, "small.git"), { f: "f" });
    expect(await refused(add("none.git"))).toContain(`failed to fetch remote ${git.origin}/none.git`);
    expect(await refused(add("small.git#nothing"))).toContain("repository does not contain ref nothing");
    expect(await refused(add(`small.git#${"0".repeat(40)}`))).toContain("0000");
    expect(await refused(add("small.git#main:nowhere"))).toContain(
      'the repository has no directory "nowhere"',
    );
    expect(await refused(add("small.git#main:f"))).toContain('the repository has no directory "f"');
    expect(await refused(add("small.git?unknown=1"))).toContain('unexpected query "unknown"');
    expect(await refused(add("small.git?tag=a&branch=b"))).toContain("branch conflicts with tag");
    expect(sourceDirectories().every((name) => /^[0-9a-f]{32}$/.test(name))).toBe(true);
  });
});

describe.skipIf(!isRoot)("hostile git repositories", () => {
  test("arguments, protocols and the host's files are out of reach", async () => {
    const marker = join(work, "marker");
    makeRepository(join(work, "plain.git"), { f: "f" });
    for (const [source, text] of [
      [`${git.origin}/plain.git#--upload-pack=touch$IFS${marker}`, "invalid git reference"],
      [`${git.origin}/plain.git#-x`, "invalid git reference"],
      [`${git.origin}/plain.git?ref=-x`, "invalid git reference"],
      [`ssh://-oProxyCommand=touch%20${marker}/x.git`, ""],
      [`ext::sh -c touch ${marker}`, ""],
      [`file://${work}/plain.git`, ""],
    ] as const) {
      const said = await refused(`FROM base:1\nADD ["${source}", "/in/"]\n`);
      expect([source, said]).toEqual([source, expect.stringContaining(text)]);
      expect(existsSync(marker)).toBe(false);
    }
  });

  test("a submodule of this host or of another protocol is refused", async () => {
    const commit = makeRepository(join(work, "secret.git"), { secret: "of the host" });
    for (const [index, url] of [
      join(work, "secret.git"),
      `file://${work}/secret.git`,
      `ext::sh -c "cat ${work}/secret.git"`,
      "-x",
    ].entries()) {
      const path = join(work, `sub${index}.git`);
      makeRepository(path, {
        ".gitmodules": `[submodule "x"]\n\tpath = x\n\turl = ${JSON.stringify(url)}\n`,
      });
      const here = [`--git-dir=${path}`, "-c", "core.bare=false", `--work-tree=${path}.work`];
      runGit(`${path}.work`, [...here, "update-index", "--add", "--cacheinfo", `160000,${commit},x`]);
      runGit(`${path}.work`, [...here, "commit", "-qm", "submodule"]);
      expect(await refused(add(`sub${index}.git`))).toContain("its address is not allowed");
    }
  });

  test("links lead nowhere out of the repository, as subdirectory or as file", async () => {
    const path = join(work, "links.git");
    makeRepository(path, { f: "f" });
    symlinkSync(work, join(`${path}.work`, "out"));
    symlinkSync("../../../../..", join(`${path}.work`, "up"));
    commitFiles(path, {});
    for (const subdir of ["out", "up/etc", "../etc", `out${work}`])
      expect(await refused(add(`links.git#main:${subdir}`))).toContain("the repository has no directory");
    // The whole repository is copied with its links as they are.
    await build(add("links.git"));
    expect(await run("readlink", "/in/out")).toBe(work);
  });

  test("attributes, filters and hooks of a repository run nothing and hide nothing", async () => {
    const path = join(work, "attributes.git");
    makeRepository(path, {
      f: "$Format:%H$",
      hidden: "there",
      ".gitattributes": "hidden export-ignore\nf export-subst filter=x\n",
      ".gitconfig": '[filter "x"]\n\tsmudge = touch /tmp/smudged\n',
    });
    await build(add("attributes.git"));
    expect(await run("sh", "-c", "cat /in/f /in/hidden")).toBe("$Format:%H$there");
  });

  test("files below a link are refused", async () => {
    const path = join(work, "twice.git");
    makeRepository(path, { f: "f" });
    const blob = runGit(path, ["hash-object", "-w", "--stdin"], "/tmp");
    const file = runGit(path, ["hash-object", "-w", "--stdin"], "x");
    const below = runGit(path, ["mktree"], `100644 blob ${file}\tescaped\n`);
    // git's own programs make no tree with two entries of a name: it is written as it is.
    const entry = (mode: string, name: string, hash: string): Buffer =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(hash, "hex")]);
    const raw = Buffer.concat([entry("120000", "a", blob), entry("40000", "a", below)]);
    const rawFile = join(work, "raw-tree");
    writeFileSync(rawFile, raw);
    const tree = runGit(path, ["hash-object", "-t", "tree", "-w", "--literally", rawFile]);
    const commit = runGit(path, ["commit-tree", "-m", "twice", tree]);
    runGit(path, ["update-ref", "refs/heads/twice", commit]);
    expect(await refused(add("twice.git#twice"))).toContain("cannot overwrite non-directory with directory");
    expect(existsSync("/tmp/escaped")).toBe(false);
  });

  test("a bomb of trees ends with one sentence", async () => {
    const path = join(work, "bomb.git");
    makeRepository(path, { f: "f" });
    let hash = runGit(path, ["hash-object", "-w", "--stdin"], "x");
    let kind = "100644 blob";
    for (let level = 0; level < 10; level++) {
      const lines = Array.from({ length: 10 }, (_, at) => `${kind} ${hash}\td${at}\n`).join("");
      hash = runGit(path, ["mktree"], lines);
      kind = "040000 tree";
    }
    const commit = runGit(path, ["commit-tree", "-m", "bomb", hash]);
    runGit(path, ["update-ref", "refs/heads/bomb", commit]);
    expect(await refused(add("bomb.git#bomb"))).toContain("the repository has more than 1000000 files");
  });

  test("a build that is ended ends git, and leaves nothing", async () => {
    makeRepository(join(work, "slow.git"), { f: "f" });
    const stuck = createServer(() => undefined);
    await new Promise<void>((resolve) => stuck.listen(0, "127.0.0.1", resolve));
    const address = stuck.address();
    const port = typeof address === "object" ? address?.port : 0;
    const before = sourceDirectories();
    const child = spawn(executable, [...host.globalFlags, "build", "-"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.end(`FROM base:1\nADD git://127.0.0.1:${port}/slow.git /in/\n`);
    const running = (): readonly string[] => {
      const found: string[] = [];
      for (const pid of readdirSync("/proc")) {
        if (!/^\d+$/.test(pid)) continue;
        try {
          const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
          if (words.includes(`git://127.0.0.1:${port}/`) && words.startsWith("git")) found.push(pid);
        } catch {
          // It has ended.
        }
      }
      return found;
    };
    while (running().length === 0) await Bun.sleep(20);
    child.kill("SIGINT");
    await waitUntilEmpty(running);
    await waitUntilEmpty(() => sourceDirectories().filter((name) => !before.includes(name)));
    stuck.close();
  });
});

describe.skipIf(!isRoot)("a git repository as the context", () => {
  test("has the Dockerfile and its files, of a directory, with or without .git", async () => {
    const path = join(work, "context.git");
    makeRepository(path, {
      "app/Dockerfile": "FROM base:1\nCOPY . /in/\n",
      "app/f": "f",
      Dockerfile: "FROM base:1\nCOPY . /in/\n",
      ".dockerignore": "app\n",
    });
    await host.must(["build", "-q", "-t", "git:1", `${git.origin}/context.git#main:app`]);
    expect(await run("ls", "-A", "/in")).toBe("Dockerfile\nf");
    await host.must(["build", "-q", "-t", "git:1", `${git.origin}/context.git`]);
    expect(await run("ls", "-A", "/in")).toBe(".dockerignore\nDockerfile");
    const keep = ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"];
    await host.must(["build", "-q", "-t", "git:1", ...keep, `${git.origin}/context.git`]);
    expect(await run("ls", "-A", "/in")).toBe(".dockerignore\n.git\nDockerfile");
  });
});
