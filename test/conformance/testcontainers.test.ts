import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive, tarOf } from "../support/images.ts";
import { findNode24 } from "../support/node-24.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const node = findNode24();
if (node === undefined) console.log("skipped: testcontainers (npm install node@24)");

/** A root file system with Bun, its libraries and the reaper. */
function reaperRootfs(): Buffer {
  const libraries = [...spawnSync("ldd", [process.execPath], { encoding: "utf8" }).stdout.matchAll(/\/\S+/g)];
  return tarOf([
    ["bun", readFileSync(process.execPath)],
    ["reaper.mjs", readFileSync(join(import.meta.dir, "testcontainers-reaper.mjs"))],
    ["tmp/", ""],
    ...libraries.map(([path]) => [path.slice(1), readFileSync(path)] as const),
  ]);
}

describe.skipIf(!isRoot || node === undefined)("testcontainers", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const rootfs = join(tare.directory, "reaper.tar");
    writeFileSync(rootfs, reaperRootfs());
    await tare.must(["import", "-c", 'CMD ["/bun","/reaper.mjs"]', rootfs, "reaper:1"]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  async function run(...words: readonly string[]): Promise<unknown> {
    const script = join(import.meta.dir, "testcontainers-process.mjs");
    const child = spawn(node ?? "", [script, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: tare.directory,
        DOCKER_HOST: `unix://${tare.clientSocket}`,
        RYUK_CONTAINER_IMAGE: "reaper:1",
        TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: tare.socket,
      },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 90_000 * slowness);
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      new Promise<number | null>((resolve) => child.on("close", resolve)),
    ]);
    clearTimeout(timer);
    if (code !== 0) throw new Error(`it ended with ${String(code)}: ${out}${err}`);
    return JSON.parse(out) as unknown;
  }

  const seen = {
    fetched: [200, "copied"],
    executed: { output: "hello\nwrong\n", stdout: "hello\n", stderr: "wrong\n", exitCode: 3 },
    fromClient: "copied",
    log: "ready",
    again: 200,
  };

  test("a session: network, ports, files, exec, logs, health, restart", async () => {
    expect(await run("stop")).toEqual(seen);
    await isEmpty();
  });

  test("what a session leaves is removed by its reaper", async () => {
    expect(await run("leave")).toEqual(seen);
    await isEmpty();
  });

  /** Nothing of it is left: the reaper, too, ends and is removed. */
  async function isEmpty(): Promise<void> {
    const networks = ["network", "ls", "-q", "--filter", "type=custom"];
    await poll(
      async () => ((await tare.must(["ps", "-aq"])) + (await tare.must(networks)) === "" ? true : undefined),
      { timeoutMs: 30_000, what: "see the session's containers and networks removed" },
    );
  }

  test("the image of a Dockerfile, with an argument and a target", async () => {
    const folder = join(tare.directory, "built");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "Dockerfile.test"),
      `FROM busybox AS made
ARG WHAT
COPY . /src
RUN echo $WHAT > /made
USER 1000
FROM made
RUN false
`,
    );
    writeFileSync(join(folder, "file"), "of the context\n");
    writeFileSync(join(folder, "hidden"), "");
    writeFileSync(join(folder, ".dockerignore"), "hidden\n.dockerignore\n");
    expect(await run("build", folder)).toBe("an argument\nof the context\nDockerfile.test\nfile\n1000\n");
    await isEmpty();
  });

  test.skipIf(Bun.which("docker-compose") === null)("a compose project", async () => {
    const folder = join(tare.directory, "project");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "compose.yaml"),
      `services:
  web:
    image: busybox
    command: sh -c "echo fine > /index.html; echo ready; httpd -f -p 80 -h /"
    ports: ["80"]
`,
    );
    expect(await run("compose", folder)).toEqual({ fetched: "fine\n" });
    await isEmpty();
  });
});
