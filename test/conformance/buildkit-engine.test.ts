import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const docker = Bun.which("docker");
const hasBuildx = docker !== null && spawnSync(docker, ["buildx", "version"]).status === 0;
const compose = Bun.which("docker-compose");
if (!hasBuildx) console.log("skipped: docker buildx (apt-get install docker-cli docker-buildx)");

describe.skipIf(!isRoot || !hasBuildx)(
  "Docker's clients build with the engine by BuildKit's protocol",
  () => {
    let tare: Installation;

    beforeAll(async () => {
      tare = new Installation();
      await tare.must(["load", "-i", busyboxArchive()]);
    });
    afterAll(async () => {
      await tare[Symbol.asyncDispose]();
    });

    const environment = (): Record<string, string> => ({
      PATH: process.env["PATH"] ?? "",
      HOME: tare.directory,
      DOCKER_HOST: `unix://${tare.socket}`,
      DOCKER_BUILDKIT: "1",
    });
    const run = (program: string, args: readonly string[], { input = "", cwd = tare.directory } = {}) => {
      const timeout = 60_000 * slowness;
      const options = { cwd, input, encoding: "utf8", env: environment(), timeout } as const;
      const { status, stdout, stderr } = spawnSync(program, args, options);
      return { status, out: `${stdout}${stderr}` };
    };
    const must = (...args: readonly string[]): string => {
      const { status, out } = run(docker ?? "", args);
      if (status !== 0) throw new Error(`docker ${args.join(" ")}: status ${status}\n${out}`);
      return out;
    };
    const project = (name: string, files: Readonly<Record<string, string>>): string => {
      const path = join(tare.directory, name);
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(join(path, file, ".."), { recursive: true });
        writeFileSync(join(path, file), content);
      }
      return path;
    };

    test("an image with arguments, a secret, files and names; the second build is cached", () => {
      const context = project("image", {
        Dockerfile: [
          "FROM busybox AS made",
          "ARG WHAT=nothing",
          "COPY . /src",
          "RUN --mount=type=secret,id=s echo $WHAT $(cat /run/secrets/s) > /made",
          "FROM busybox",
          "COPY --from=made /made /src/a /",
          'CMD ["cat", "/made", "/a"]',
          "",
        ].join("\n"),
        ".dockerignore": "hidden\n",
        a: "content of a\n",
        hidden: "",
        "../secret": "s3cret",
      });
      const args = [
        "buildx",
        "build",
        "--progress=plain",
        "--build-arg",
        "WHAT=something",
        "--secret",
        "id=s,src=secret",
      ];
      const out = must(...args, "-t", "built:1", "--iidfile", "iid", context);
      expect(out).toContain("naming to docker.io/library/built:1");
      expect(must("run", "--rm", "--network", "none", "built:1")).toBe("something s3cret\ncontent of a\n");
      const id = readFileSync(join(tare.directory, "iid"), "utf8");
      expect(must("image", "inspect", "--format", "{{.Id}}", "built:1").trim()).toBe(id);
      const again = must(...args, context);
      expect(again.match(/CACHED/g)?.length).toBeGreaterThanOrEqual(3);
      expect(again).not.toContain("s3cret");
      expect(must("history", "--no-trunc", "built:1")).not.toContain("s3cret");
    });

    test("the files of a stage come to the client", () => {
      const context = project("output", {
        Dockerfile:
          "FROM busybox AS made\nRUN echo -n x > /x && ln -s x /y\nFROM scratch\nCOPY --from=made /x /y /\n",
      });
      must("buildx", "build", "-q", "-o", "made", context);
      expect(readFileSync(join(tare.directory, "made/x"), "utf8")).toBe("x");
    });

    test("a step that fails is shown with its output and lines, and leaves no image", () => {
      const context = project("failing", { Dockerfile: "FROM busybox\nRUN echo before; exit 7\n" });
      const before = must("images", "-aq");
      const { status, out } = run(docker ?? "", ["build", "--progress=plain", "-t", "never", context]);
      expect(status).toBe(1);
      expect(out).toContain("before");
      expect(out).toContain("2 | >>> RUN echo before; exit 7");
      expect(out).toMatch(
        /failed to solve: process "\/bin\/sh -c echo before; exit 7" did not complete successfully: exit code: 7/,
      );
      expect(must("images", "-aq")).toBe(before);
    });

    test.skipIf(compose === null)("docker-compose builds three services and runs them", () => {
      const services = ["one", "two", "three"];
      const path = project("composed", {
        "compose.yml": `name: composed\nservices:\n${services.map((name) => `  ${name}: { build: ./${name}, network_mode: none }\n`).join("")}`,
        ...Object.fromEntries(
          services.map((name) => [
            `${name}/Dockerfile`,
            `FROM busybox\nCOPY f /f\nRUN cat /f > /g\nCMD ["cat", "/g"]\n`,
          ]),
        ),
        ...Object.fromEntries(services.map((name) => [`${name}/f`, `from ${name}\n`])),
      });
      expect(run(compose ?? "", ["--progress", "plain", "build"], { cwd: path })).toMatchObject({
        status: 0,
      });
      const { status, out } = run(compose ?? "", ["up"], { cwd: path });
      expect(status).toBe(0);
      for (const name of services) expect(out).toContain(`from ${name}`);
      run(compose ?? "", ["down"], { cwd: path });
    });

    test("buildx prune removes only what its filters select, du shows the rest", () => {
      const context = project("pruned", {
        Dockerfile: "FROM busybox\nRUN echo 1 > /one\nRUN echo 2 > /two\n",
      });
      must("buildx", "build", "--no-cache", context);
      const du = (): string => must("buildx", "du", "--verbose");
      expect(du()).toMatch(/RUN echo 1 > \/one(?:.*\n)*.*RUN echo 2 > \/two|two(?:.*\n)*.*one/);
      must("buildx", "prune", "-af", "--filter", "description~=RUN echo [0-1] > /one$");
      expect(du()).not.toContain("/one");
      expect(du()).toContain("/two");
      must("buildx", "prune", "-af", "--filter", "until=24h");
      expect(du()).toContain("/two");
      must("buildx", "prune", "-af", "--filter", "type!=regular");
      expect(du()).toContain("/two");
      must("buildx", "prune", "-af", "--filter", "type=regular");
      expect(du()).not.toContain("/two");
    });

    test("named contexts take the place of images and stages", () => {
      const context = project("named", {
        Dockerfile: [
          "FROM nowhere.invalid/base AS first",
          "RUN cp /bin/true /from-image",
          "FROM missing AS replaced",
          "RUN exit 1",
          "FROM first",
          "COPY --from=replaced /f /f",
          "COPY --from=files sub /sub",
          "RUN --mount=from=files,target=/m cat /m/f /m/sub/g > /both",
          'CMD ["cat", "/f", "/sub/g", "/both"]',
          "",
        ].join("\n"),
        "../files/f": "f\n",
        "../files/sub/g": "g\n",
        "../files/.dockerignore": "left-out\n",
        "../files/left-out": "x\n",
      });
      const files = join(tare.directory, "files");
      const named = ["nowhere.invalid/base=docker-image://busybox", `replaced=${files}`, `files=${files}`];
      const flags = named.map((each) => `--build-context=${each}`);
      must("buildx", "build", "--progress=plain", "-t", "named:1", ...flags, context);
      expect(must("run", "--rm", "--network", "none", "named:1")).toBe("f\ng\nf\ng\n");
      const bake = project("bake", {
        "Dockerfile.base": "FROM busybox\nENV FROM_BASE=yes\nRUN echo made > /made\n",
        Dockerfile:
          'FROM base\nCOPY --from=base /made /copied\nCMD ["sh", "-c", "echo $FROM_BASE; cat /copied"]\n',
        "docker-bake.json": JSON.stringify({
          target: {
            base: { dockerfile: "Dockerfile.base" },
            app: { contexts: { base: "target:base" }, tags: ["baked:1"] },
          },
        }),
      });
      const { status, out } = run(docker ?? "", ["buildx", "bake", "--progress=plain", "app"], { cwd: bake });
      expect([status, out]).toEqual([0, expect.stringContaining("naming to docker.io/library/baked:1")]);
      expect(must("run", "--rm", "--network", "none", "baked:1")).toBe("yes\nmade\n");
    });

    test.skipIf(compose === null)("docker-compose builds with additional contexts", () => {
      const path = project("additional", {
        "compose.yml":
          "name: additional\nservices:\n  one:\n    image: additional:1\n    build:\n      context: .\n      additional_contexts: { other: ../files }\n",
        Dockerfile: "FROM busybox\nCOPY --from=other f /f\n",
        "../files/f": "f\n",
      });
      const built = run(compose ?? "", ["--progress", "plain", "build"], { cwd: path });
      expect(built).toMatchObject({ status: 0 });
      expect(must("run", "--rm", "--network", "none", "additional:1", "cat", "/f")).toBe("f\n");
    });

    test("a client that is killed ends its step", async () => {
      const context = project("endless", { Dockerfile: "FROM busybox\nRUN echo begun; sleep 4321\n" });
      const child = spawn(docker ?? "", ["buildx", "build", "--progress=plain", context], {
        env: environment(),
        detached: true,
      });
      const pieces: string[] = [];
      child.stderr.on("data", (piece: Buffer) => pieces.push(piece.toString()));
      await poll(() => /[\d.]+ begun/.test(pieces.join("")) || undefined, {
        timeoutMs: 20_000,
        what: "begin",
      });
      const isRunning = (): boolean => spawnSync("pgrep", ["-f", "^sleep 4321"]).status === 0;
      expect(isRunning()).toBe(true);
      process.kill(-(child.pid ?? 0), "SIGKILL");
      await poll(() => !isRunning() || undefined, { timeoutMs: 5000, what: "end" });
    });
  },
);
