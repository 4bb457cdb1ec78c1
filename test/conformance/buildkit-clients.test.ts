import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type BuildDaemon, startBuildDaemon } from "../support/build-daemon.ts";
import { poll, slowness } from "../support/patience.ts";
import { isRoot } from "../support/tare.ts";

const docker = Bun.which("docker");
const hasBuildx = docker !== null && spawnSync(docker, ["buildx", "version"]).status === 0;
const compose = Bun.which("docker-compose");
if (!hasBuildx) console.log("skipped: docker buildx (apt-get install docker-cli docker-buildx)");

describe.skipIf(!isRoot || !hasBuildx)(
  "Docker's own clients of BuildKit's protocol, with scripted builds",
  () => {
    let daemon: BuildDaemon;
    let directory: string;

    beforeAll(async () => {
      daemon = await startBuildDaemon();
      directory = daemon.directory;
    });
    afterAll(async () => {
      expect(daemon.failures).toEqual([]);
      expect(daemon.builds.running).toBe(0);
      await daemon[Symbol.asyncDispose]();
    });

    interface Outcome {
      readonly code: number | null;
      readonly out: string;
    }

    const environment = (): Record<string, string> => ({
      PATH: process.env["PATH"] ?? "",
      HOME: directory,
      DOCKER_HOST: `unix://${daemon.socketPath}`,
      DOCKER_BUILDKIT: "1",
    });

    const run = async (
      program: string,
      args: readonly string[],
      {
        input = "",
        cwd = directory,
        env = {},
      }: { input?: string | Buffer; cwd?: string; env?: Record<string, string> } = {},
    ): Promise<Outcome> => {
      const child = spawn(program, args, { cwd, env: { ...environment(), ...env } });
      const pieces: Buffer[] = [];
      child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
      child.stderr.on("data", (piece: Buffer) => pieces.push(piece));
      child.stdin.on("error", () => {});
      child.stdin.end(input);
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000 * slowness);
      const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
      clearTimeout(timer);
      return { code, out: Buffer.concat(pieces).toString() };
    };
    const buildx = async (...args: readonly string[]): Promise<Outcome> =>
      run(docker ?? "", ["buildx", "build", "--progress=plain", ...args]);
    const good = ({ code, out }: Outcome): string => {
      if (code !== 0) throw new Error(`status ${code}\n${out}`);
      return out;
    };

    const until = async (what: string, is: () => boolean): Promise<void> => {
      await poll(() => is() || undefined, { timeoutMs: 10_000, what });
    };

    /** A build context with these files. */
    const project = (name: string, files: Readonly<Record<string, string>>): string => {
      const path = join(directory, name);
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(join(path, file, ".."), { recursive: true });
        writeFileSync(join(path, file), content);
      }
      return path;
    };
    const read = (...parts: readonly string[]): string => readFileSync(join(directory, ...parts), "utf8");

    test("docker build shows its steps, and exports an image with its names", async () => {
      const context = project("plain", {
        Dockerfile: "FROM scratch\nCOPY a /a\nRUN log well done\nRUN arg X\n",
        a: "A",
      });
      const out = good(
        await run(docker ?? "", [
          "build",
          "--progress=plain",
          "-t",
          "one",
          "-t",
          "localhost:5000/two:3",
          "--build-arg",
          "X=yes",
          "--label",
          "l=v",
          "--iidfile",
          "iid",
          context,
        ]),
      );
      expect(out).toContain("[internal] load build definition from Dockerfile");
      expect(out).toMatch(/transferring context: \d+/);
      expect(out).toMatch(/#\d+ [\d.]+ well done/);
      expect(out).toMatch(/#\d+ \[1\/5\] FROM scratch\n#\d+ CACHED/);
      expect(out).toContain("naming to docker.io/library/one:latest");
      expect(daemon.builds.stored.at(-1)).toEqual(["docker.io/library/one:latest", "localhost:5000/two:3"]);
      expect(read("iid")).toMatch(/^sha256:[0-9a-f]{64}$/);
      const request = daemon.builds.requests.at(-1);
      expect(request).toMatchObject({
        buildArgs: { X: "yes" },
        labels: { l: "v" },
        network: "default",
        noCache: false,
        pull: false,
      });
    });

    test("a terminal gets the display that ends", async () => {
      const context = project("terminal", { Dockerfile: "FROM scratch\nRUN log hi\n" });
      const out = good(await run("script", ["-qec", `docker build -t t ${context}`, "/dev/null"]));
      expect(out).toContain("naming to docker.io/library/t:latest");
      expect(out).toContain("FINISHED");
    });

    test("a step that fails is shown with the lines of the Dockerfile", async () => {
      const context = project("failing", { Dockerfile: "FROM scratch\nRUN log one\nRUN fail\n" });
      const { code, out } = await buildx(context);
      expect(code).toBe(1);
      expect(out).toContain(" > [3/4] RUN fail:");
      expect(out).toContain("about to fail");
      expect(out).toMatch(/Dockerfile:3\n-+\n +1 \| +FROM scratch\n +2 \| +RUN log one\n +3 \| >>> RUN fail/);
      expect(out).toContain(
        'ERROR: failed to solve: process "/bin/sh -c fail" did not complete successfully: exit code: 1',
      );
    });

    test("a Dockerfile that is missing is one sentence", async () => {
      const context = project("missing", { a: "" });
      const { code, out } = await buildx("-f", join(context, "Dockerfile"), context);
      expect(code).toBe(1);
      expect(out).toContain("failed to read dockerfile: open Dockerfile: no such file or directory");
    });

    test("the context comes by difference, without what .dockerignore names, with links and modes", async () => {
      const context = project("context", {
        Dockerfile: "FROM scratch\nCOPY . /\n",
        ".dockerignore": "*.log\nsecret\n",
        "d/x": "x",
        "a.log": "",
        "secret/key": "k",
      });
      symlinkSync("d/x", join(context, "link"));
      writeFileSync(join(context, "run.sh"), "#!", { mode: 0o755 });
      good(await buildx("-o", "out-context", context));
      expect(readdirSync(join(directory, "out-context")).sort()).toEqual([
        ".dockerignore",
        "Dockerfile",
        "d",
        "link",
        "run.sh",
      ]);
      expect(readlinkSync(join(directory, "out-context/link"))).toBe("d/x");
      expect(statSync(join(directory, "out-context/run.sh")).mode & 0o777).toBe(0o755);
      writeFileSync(join(context, "d/x"), "changed");
      writeFileSync(join(context, "big"), Buffer.alloc(3_000_000, 1));
      good(await buildx("-o", "out-context", context));
      expect(read("out-context/d/x")).toBe("changed");
      const again = good(await buildx(context));
      expect(/transferring context: ([\d.]+)(B|kB) /.exec(again)?.[1]).toBeDefined();
      rmSync(join(context, "d"), { recursive: true });
      rmSync(join(context, "link"));
      rmSync(join(directory, "out-context"), { recursive: true });
      good(await buildx("-o", "out-context", context));
      expect(existsSync(join(directory, "out-context/d"))).toBe(false);
    });

    test("outputs: local for one and several platforms, tar, docker, oci", async () => {
      const context = project("outputs", { Dockerfile: "FROM scratch\nCOPY a /sub\n", a: "A" });
      good(await buildx("-o", "o1", context));
      expect(read("o1/sub")).toBe("A");
      good(await buildx("--platform", "linux/amd64,linux/arm64", "-o", "o2", context));
      expect(read("o2/linux_arm64/sub") + read("o2/linux_amd64/sub")).toBe("AA");
      good(await buildx("-o", "type=tar,dest=o.tar", context));
      expect(spawnSync("tar", ["-xOf", "o.tar", "sub"], { cwd: directory, encoding: "utf8" }).stdout).toBe(
        "A",
      );
      for (const type of ["docker", "oci"]) {
        good(await buildx("-t", "named", "-o", `type=${type},dest=${type}.out`, context));
        expect(read(`${type}.out`).slice(0, 40)).toContain(`${type} docker.io/library/named:latest\n`);
        expect(statSync(join(directory, `${type}.out`)).size).toBeGreaterThan(400_000);
      }
      const before = daemon.builds.stored.length;
      good(await buildx("-o", "type=cacheonly", context));
      expect(daemon.builds.stored.length).toBe(before);
    });

    test("a large result and a large context come whole", async () => {
      const blob = Buffer.from(Array.from({ length: 20_000_000 }, (_, at) => (at * 7919) >> 3));
      const context = project("large", { Dockerfile: "FROM scratch\nCOPY . /\n" });
      writeFileSync(join(context, "blob"), blob);
      good(await buildx("-o", "large-out", context));
      expect(readFileSync(join(directory, "large-out/blob")).equals(blob)).toBe(true);
    });

    test("--metadata-file has the digests and names", async () => {
      const context = project("metadata", { Dockerfile: "FROM scratch\n" });
      good(await buildx("-t", "m", "--metadata-file", "m.json", context));
      expect(JSON.parse(read("m.json"))).toMatchObject({
        "containerimage.config.digest": expect.stringMatching(/^sha256:/),
        "containerimage.digest": expect.stringMatching(/^sha256:/),
        "image.name": "docker.io/library/m:latest",
      });
    });

    test("secrets, credentials and the agent come from the client when a step asks", async () => {
      const context = project("secrets", {
        Dockerfile:
          "FROM scratch\nRUN secret s\nRUN secret absent\nRUN credentials reg:5000\nRUN agent default\n",
      });
      writeFileSync(join(directory, "value"), "s3cret");
      mkdirSync(join(directory, ".docker"), { recursive: true });
      writeFileSync(
        join(directory, ".docker/config.json"),
        JSON.stringify({ auths: { "reg:5000": { auth: Buffer.from("me:pass").toString("base64") } } }),
      );
      const agent = createServer((socket) =>
        socket.on("data", () => socket.write(Buffer.from([0, 0, 0, 5, 12, 0, 0, 0, 0]))),
      );
      agent.listen(join(directory, "agent.sock"));
      try {
        good(
          await buildx(
            "--secret",
            "id=s,src=value",
            "--ssh",
            "default=agent.sock",
            "-o",
            "secret-out",
            context,
          ),
        );
        expect(read("secret-out/s")).toBe("s3cret");
        expect(read("secret-out/absent")).toBe("(none)");
        expect(JSON.parse(read("secret-out/reg:5000"))).toEqual({
          kind: "password",
          username: "me",
          password: "pass",
        });
        expect(read("secret-out/agent")).toStartWith("00000005");
        const { code, out } = await buildx("--secret", "id=s,src=value", "-o", "secret-out", context);
        expect(code).toBe(1);
        expect(out).toContain('no SSH key "default" forwarded from the client');
      } finally {
        agent.close();
        rmSync(join(directory, ".docker/config.json"));
      }
    });

    test("named contexts: a directory, an image, an address", async () => {
      const context = project("named", {
        Dockerfile: "FROM scratch\nCOPY --from=other b /b\nCOPY --from=img x /img\nCOPY --from=git x /git\n",
      });
      const other = project("named-other", { b: "B" });
      good(
        await buildx(
          "--build-context",
          `other=${other}`,
          "--build-context",
          "img=docker-image://alpine:3",
          "--build-context",
          "git=https://example.com/x.git#main",
          "-o",
          "named-out",
          context,
        ),
      );
      expect([read("named-out/b"), read("named-out/img"), read("named-out/git")]).toEqual([
        "B",
        "alpine:3",
        "https://example.com/x.git#main",
      ]);
    });

    test("a Dockerfile or a whole context on standard input", async () => {
      const args = ["buildx", "build", "--progress=plain"];
      expect(
        good(await run(docker ?? "", [...args, "-"], { input: "FROM scratch\nRUN log from stdin\n" })),
      ).toContain("from stdin");
      const context = project("stdin", { Dockerfile: "FROM scratch\nCOPY . /\n", a: "A" });
      const archive = spawnSync("tar", ["-C", context, "-cz", "."]).stdout;
      good(await run(docker ?? "", [...args, "-o", "stdin-out", "-"], { input: archive }));
      expect(read("stdin-out/a")).toBe("A");
      const noArchive = await run(docker ?? "", [...args, "-f", "other", "-"], { input: archive });
      expect(noArchive.out).toContain("open other: no such file or directory");
    });

    test("options reach the build", async () => {
      const context = project("options", { Dockerfile: "FROM scratch AS one\nRUN log 1\n" });
      good(
        await buildx(
          "--no-cache",
          "--pull",
          "--target",
          "one",
          "--network",
          "none",
          "--add-host",
          "h:1.2.3.4",
          "--shm-size",
          "64m",
          "--ulimit",
          "nofile=10:20",
          "--cgroup-parent",
          "/p",
          "--allow",
          "security.insecure",
          "--build-arg",
          "SOURCE_DATE_EPOCH=5",
          context,
        ),
      );
      expect(daemon.builds.requests.at(-1)).toMatchObject({
        noCache: true,
        pull: true,
        target: "one",
        network: "none",
        extraHosts: ["h:1.2.3.4"],
        shmBytes: 64 * 1024 * 1024,
        ulimits: [{ name: "nofile", soft: 10, hard: 20 }],
        cgroupParent: "/p",
        entitlements: ["security.insecure"],
        sourceDateEpoch: 5,
      });
      good(await buildx("--no-cache-filter", "one,two", context));
      expect(daemon.builds.requests.at(-1)?.noCache).toEqual(["one", "two"]);
      expect(good(await buildx("--cache-from", "type=registry,ref=localhost:5000/c", context))).toContain(
        "[internal] load build definition",
      );
      expect(daemon.builds.requests.at(-1)?.cacheSources).toEqual([
        { reference: "localhost:5000/c", insecure: false },
      ]);
    });

    test("bake: a target that is the context of another", async () => {
      const context = project("bake", {
        "Dockerfile.base": "FROM scratch\nRUN arg A\n",
        "Dockerfile.app": "FROM scratch\nCOPY --from=base A /taken\n",
        "docker-bake.json": JSON.stringify({
          target: {
            base: { dockerfile: "Dockerfile.base", args: { A: "linked" } },
            app: { dockerfile: "Dockerfile.app", contexts: { base: "target:base" }, output: ["bake-out"] },
          },
        }),
      });
      good(await run(docker ?? "", ["buildx", "bake", "--progress=plain", "app"], { cwd: context }));
      expect(read("bake/bake-out/taken")).toBe("linked");
    });

    test("--print asks the front end: targets, its own list, and what it does not know", async () => {
      const context = project("print", { Dockerfile: "FROM scratch AS one\nFROM scratch AS two\n" });
      const env = { BUILDX_EXPERIMENTAL: "1" };
      const print = async (what: string): Promise<Outcome> =>
        run(docker ?? "", ["buildx", "build", `--print=${what}`, context], { env });
      expect(good(await print("targets,format=json"))).toContain('"two"');
      expect(good(await print("subrequests.describe"))).toContain("targets");
      for (const unknown of ["nothing", "outline"])
        expect((await print(unknown)).out).toContain(`unsupported request frontend.${unknown}`);
      expect(good(await print("subrequests.describe"))).not.toContain("outline");
      expect(
        good(await run(docker ?? "", ["buildx", "build", "--progress=plain", context], { env })),
      ).toContain("writing image");
    });

    test("buildx du and prune give the cache's records", async () => {
      const record = {
        parents: [],
        inUse: false,
        shared: false,
        mutable: false,
        createdAtMs: Date.now(),
        usageCount: 2,
      };
      daemon.builds.records = [
        { ...record, id: "first", kind: "regular", description: "[1/2] RUN one", sizeBytes: 5_000_000 },
        {
          ...record,
          id: "second",
          kind: "exec.cachemount",
          description: "cached mount",
          sizeBytes: 7_000_000,
        },
      ];
      const du = good(await run(docker ?? "", ["buildx", "du"]));
      expect(du).toMatch(/first\s+true\s+5MB/);
      expect(du).toMatch(/Total:\s+12MB/);
      expect(
        good(await run(docker ?? "", ["buildx", "du", "--filter", "type=exec.cachemount"])),
      ).not.toContain("first");
      const pruned = good(
        await run(docker ?? "", ["buildx", "prune", "-f", "--filter", "id=first", "--keep-storage", "1GB"]),
      );
      expect(pruned).toContain("first");
      expect(pruned).not.toContain("second");
      expect(daemon.builds.pruned.at(-1)?.reservedBytes).toBe(2 ** 30);
      const inspect = good(await run(docker ?? "", ["buildx", "inspect"]));
      expect(inspect).toContain("Status:           running");
    });

    test.skipIf(compose === null)("docker-compose build builds three services", async () => {
      const services = ["a", "b", "c"];
      const path = project("composed", {
        "compose.yml": `name: composed\nservices:\n${services.map((name) => `  ${name}: { build: { context: ./${name}, args: { V: ${name} } } }\n`).join("")}`,
        ...Object.fromEntries(
          services.map((name) => [`${name}/Dockerfile`, "FROM scratch\nCOPY f /f\nRUN arg V\n"]),
        ),
        ...Object.fromEntries(services.map((name) => [`${name}/f`, name])),
      });
      const before = daemon.builds.stored.length;
      const out = good(await run(compose ?? "", ["--progress", "plain", "build"], { cwd: path }));
      expect(out).toContain("naming to docker.io/library/composed-b:latest");
      expect(daemon.builds.stored.slice(before).flat().sort()).toEqual(
        services.map((name) => `docker.io/library/composed-${name}:latest`),
      );
    });

    test("a client that is interrupted or killed ends its build, and nothing stays", async () => {
      const context = project("waiting", { Dockerfile: "FROM scratch\nCOPY . /\nRUN wait\n" });
      for (const signal of ["SIGINT", "SIGKILL"] as const) {
        const { canceled } = daemon.builds;
        const child = spawn(docker ?? "", ["buildx", "build", context], {
          env: environment(),
          stdio: "ignore",
          detached: true,
        });
        await until("begin", () => daemon.builds.running === 1);
        await Bun.sleep(100);
        process.kill(-(child.pid ?? 0), signal);
        await until("be canceled", () => daemon.builds.canceled === canceled + 1);
        await until("end", () => daemon.builds.running === 0);
      }
      await daemon.builds.contexts.settle();
      expect(daemon.builds.contexts.list().filter(({ inUse }) => inUse)).toEqual([]);
      expect(readdirSync(join(daemon.builds.directory, "contexts/once"))).toEqual([]);
      expect(readdirSync(daemon.builds.directory)).toEqual(["contexts"]);
    });
  },
);
