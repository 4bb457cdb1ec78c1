import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const docker = Bun.which("docker");
const hasBuildx = docker !== null && spawnSync(docker, ["buildx", "version"]).status === 0;
if (!hasBuildx) console.log("skipped: docker buildx (apt-get install docker-cli docker-buildx)");

/** Bun, what it loads, and the bundled program, as a root directory. */
function makeRoot(directory: string): void {
  const bun = realpathSync(process.execPath);
  const { stdout } = spawnSync("ldd", [bun], { encoding: "utf8" });
  const libraries = [...stdout.matchAll(/(\/\S+) \(/g)].map(([, path = ""]) => path);
  for (const path of [bun, ...libraries]) {
    const target = join(directory, path === bun ? "/bun" : path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { dereference: true });
  }
  const main = join(import.meta.dir, "../support/front-end-process.ts");
  const outfile = join(directory, "front-end.js");
  const { status, stderr } = spawnSync(bun, ["build", main, "--target=bun", "--outfile", outfile]);
  if (status !== 0) throw new Error(stderr.toString());
}

describe.skipIf(!isRoot || !hasBuildx)("the front end of an image", () => {
  let tare: Installation;
  let context: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const root = join(tare.directory, "front-end");
    makeRoot(root);
    const archive = join(tare.directory, "front-end.tar");
    spawnSync("tar", ["-C", root, "-cf", archive, "."]);
    const entrypoint = 'ENTRYPOINT ["/bun", "/front-end.js"]';
    await tare.must(["import", "-c", entrypoint, archive, "example/front-end:1"]);
    context = join(tare.directory, "context");
    mkdirSync(context);
    const lines = ["# syntax=example/front-end:1", "FROM busybox", "RUN echo made > /made", ""];
    writeFileSync(join(context, "Dockerfile"), lines.join("\n"));
    symlinkSync("/etc/shadow", join(context, "outside"));
  }, 120_000);
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const environment = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: tare.directory,
    DOCKER_HOST: `unix://${tare.socket}`,
    DOCKER_BUILDKIT: "1",
  });
  const words = (...flags: readonly string[]): readonly string[] => [
    "build",
    "--progress=plain",
    ...flags,
    context,
  ];
  const build = (...flags: readonly string[]): { readonly status: number | null; readonly out: string } => {
    const options = { encoding: "utf8", env: environment(), timeout: 60_000 * slowness } as const;
    const { status, stdout, stderr } = spawnSync(docker ?? "", words(...flags), options);
    return { status, out: `${stdout}${stderr}` };
  };
  /** No container of a front end is left. */
  const isClean = async (): Promise<void> => {
    await poll(async () => (tare.keeperPids().length === 0 ? true : undefined), {
      timeoutMs: 10_000,
      what: "the end of the front end",
    });
  };

  test("builds, with what it reads of the client and its own configuration", async () => {
    const { status, out } = build("-t", "made:1");
    expect([status, out]).toEqual([0, expect.stringContaining("run front end example/front-end:1")]);
    expect(await tare.must(["run", "--rm", "--network", "none", "made:1", "cat", "/made"])).toBe("made");
    const labels = await tare.must(["image", "inspect", "-f", "{{json .Config.Labels}}", "made:1"]);
    expect(JSON.parse(labels)).toEqual({
      "made.by": "example/front-end:1",
      line: "# syntax=example/front-end:1",
    });
    expect(await tare.must(["ps", "-aq"])).toBe("");
    await isClean();
  });

  test("an image that does not exist, an early end, and garbage give one sentence", async () => {
    const absent = build("--build-arg", "BUILDKIT_SYNTAX=127.0.0.1:1/none:1");
    expect(absent.status).toBe(1);
    expect(absent.out).toContain("127.0.0.1:1");
    const early = build("--build-arg", "MODE=exit");
    expect(early.status).toBe(1);
    expect(early.out).toContain(
      "front end example/front-end:1 has ended without a result: exit code 3: sorry, no",
    );
    const garbage = build("--build-arg", "MODE=garbage");
    expect(garbage.status).toBe(1);
    expect(garbage.out).toContain("has ended without a result: exit code");
    await isClean();
  });

  test("its errors are the build's, and links do not lead it out of what it has solved", async () => {
    const shown = build("--build-arg", "MODE=show");
    expect(shown.out).toContain("read: # syntax=example/front-end:1");
    for (const path of ["outside", "../../../../etc/shadow"]) {
      const { status, out } = build("--build-arg", "MODE=show", "--build-arg", `READ=${path}`);
      expect(status).toBe(1);
      expect(out).not.toContain("read: ");
      expect(out).not.toContain("root:");
    }
    await isClean();
  });

  test("one that hangs ends with its client", async () => {
    const child = spawn(docker ?? "", words("--build-arg", "MODE=hang"), {
      env: environment(),
      stdio: "pipe",
    });
    let out = "";
    child.stderr.on("data", (piece: Buffer) => (out += piece.toString()));
    await poll(async () => (out.includes("run front end") ? true : undefined), {
      timeoutMs: 20_000,
      what: "its start",
    });
    await poll(async () => (tare.keeperPids().length > 0 ? true : undefined), {
      timeoutMs: 20_000,
      what: "its container",
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    await isClean();
  });

  test("tare build refuses it in one sentence", async () => {
    const { status, stderr } = await tare.tare(["build", context]);
    expect(status).toBe(1);
    expect(stderr).toContain("cannot build with the front end example/front-end:1");
  });
});
