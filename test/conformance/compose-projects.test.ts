import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const program = Bun.which("docker-compose");
if (program === null) console.log("skipped: docker-compose (apt-get install docker-compose)");

interface Outcome {
  readonly status: number | null;
  readonly out: string;
}

interface Project {
  /** Runs Compose in the project's directory. */
  readonly compose: (...args: readonly string[]) => Outcome;
  /** Runs a program in a service. */
  readonly inside: (service: string, command: string) => string;
  readonly directory: string;
}

describe.skipIf(!isRoot || program === null)("docker-compose with small projects", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  /** Writes the files, uses the project, and takes it down: nothing of it may be left. */
  async function withProject(
    files: Readonly<Record<string, string>>,
    use: (project: Project) => void | Promise<void>,
  ): Promise<void> {
    const name = `p${Object.keys(files).length}x${Bun.hash(JSON.stringify(files)).toString(36).slice(0, 6)}`;
    const directory = join(tare.directory, name);
    mkdirSync(directory);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
    const compose = (...args: readonly string[]): Outcome => {
      const { status, stdout, stderr } = spawnSync(program ?? "", ["-p", name, ...args], {
        cwd: directory,
        encoding: "utf8",
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: directory,
          DOCKER_HOST: `unix://${tare.clientSocket}`,
          TOKEN: "s3cret",
        },
        timeout: 60_000 * slowness,
      });
      return { status, out: status === 0 ? stdout.trim() : `${stdout}${stderr}`.trim() };
    };
    const inside = (service: string, command: string): string =>
      compose("exec", "-T", service, "sh", "-c", command).out;
    await use({ compose, inside, directory });
    expect(compose("--profile", "*", "down", "-t", "0", "-v", "--remove-orphans")).toMatchObject({
      status: 0,
    });
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(await tare.must(["network", "ls", "--filter", "type=custom", "-q"])).toBe("");
  }

  const idle = "image: busybox\n    command: sleep 1000\n    stop_grace_period: 0s";

  test("configs and secrets from files, the environment and texts", async () => {
    const compose = `
services:
  app:
    ${idle}
    configs: [file, { source: text, target: /etc/text.conf }]
    secrets: [file, { source: variable, target: token }]
configs:
  file: { file: ./app.conf }
  text: { content: "a=\${TOKEN}" }
secrets:
  file: { file: ./password }
  variable: { environment: TOKEN }
`;
    await withProject({ "compose.yml": compose, "app.conf": "from file", password: "hunter2" }, (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(project.inside("app", "cat /file /etc/text.conf /run/secrets/file /run/secrets/token")).toBe(
        "from filea=s3crethunter2s3cret",
      );
    });
  });

  test("profiles and scale", async () => {
    const compose = `
services:
  web:
    ${idle}
    scale: 2
  tool:
    ${idle}
    profiles: [tools]
`;
    await withProject({ "compose.yml": compose }, (project) => {
      const running = (): readonly string[] =>
        project.compose("ps", "--format", "{{.Service}}").out.split("\n").sort();
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(running()).toEqual(["web", "web"]);
      expect(project.compose("scale", "web=3")).toMatchObject({ status: 0 });
      expect(
        project.compose("--profile", "tools", "up", "-d", "--no-recreate", "--scale", "web=1"),
      ).toMatchObject({
        status: 0,
      });
      expect(running()).toEqual(["tool", "web"]);
    });
  });

  test("dependencies that must be healthy, or have ended, and up --wait", async () => {
    const compose = `
services:
  db:
    ${idle}
    healthcheck: { test: ["CMD", "test", "-e", "/tmp/ready"], interval: 200ms, retries: 100 }
    entrypoint: [sh, -c, "sleep 1; touch /tmp/ready; exec sleep 1000"]
  setup:
    image: busybox
    command: "true"
  app:
    ${idle}
    depends_on:
      db: { condition: service_healthy }
      setup: { condition: service_completed_successfully }
`;
    await withProject({ "compose.yml": compose }, async (project) => {
      expect(project.compose("up", "-d", "--wait", "db", "app")).toMatchObject({ status: 0 });
      expect(project.compose("ps", "--format", "{{.Service}} {{.Health}}").out).toContain("db healthy");
      const started = async (service: string): Promise<string> =>
        await tare.must([
          "ps",
          "-a",
          "--filter",
          `label=com.docker.compose.service=${service}`,
          "--format",
          "{{.ID}} {{.State}}",
        ]);
      expect(await started("setup")).toEndWith(" exited");
      expect(await started("app")).toEndWith(" running");
    });
  });

  test("a dependency that fails stops what depends on it", async () => {
    const compose = `
services:
  setup:
    image: busybox
    command: "false"
  app:
    ${idle}
    depends_on: { setup: { condition: service_completed_successfully } }
`;
    await withProject({ "compose.yml": compose }, (project) => {
      const { status, out } = project.compose("up", "-d");
      expect([status, out]).toEqual([1, expect.stringContaining("didn't complete successfully: exit 1")]);
    });
  });

  test("extends, from the same and from another file", async () => {
    const compose = `
services:
  app:
    extends: { file: base.yml, service: base }
    environment: [B=2]
  other:
    extends: app
    environment: [C=3]
`;
    const base = `
services:
  base:
    ${idle}
    environment: [A=1]
`;
    await withProject({ "compose.yml": compose, "base.yml": base }, (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(project.inside("app", "echo $A$B$C")).toBe("12");
      expect(project.inside("other", "echo $A$B$C")).toBe("123");
    });
  });

  test("static addresses and links", async () => {
    const compose = `
services:
  db:
    ${idle}
    networks: { lan: { ipv4_address: 10.77.5.20 } }
  app:
    ${idle}
    links: ["db:database"]
    networks: { lan: { ipv4_address: 10.77.5.30 } }
networks:
  lan: { ipam: { config: [{ subnet: 10.77.5.0/24, gateway: 10.77.5.1 }] } }
`;
    await withProject({ "compose.yml": compose }, (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(project.inside("app", "hostname -i")).toBe("10.77.5.30");
      expect(project.inside("app", "ping -c 1 -W 20 database | head -1")).toContain("(10.77.5.20)");
    });
  });

  test("network_mode, ipc and pid of another service", async () => {
    const compose = `
services:
  main:
    ${idle}
    ipc: shareable
    hostname: main
  side:
    ${idle}
    network_mode: service:main
    ipc: service:main
    pid: service:main
`;
    await withProject({ "compose.yml": compose }, (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      for (const kind of ["net", "ipc", "pid"]) {
        const link = `readlink /proc/self/ns/${kind}`;
        expect([kind, project.inside("side", link)]).toEqual([kind, project.inside("main", link)]);
      }
    });
  });

  test("limits of deploy.resources, ulimits and log options", async () => {
    const compose = `
services:
  app:
    ${idle}
    deploy: { resources: { limits: { cpus: "0.5", memory: 64M, pids: 50 }, reservations: { memory: 32M } } }
    ulimits: { nofile: { soft: 100, hard: 200 } }
    sysctls: { net.core.somaxconn: 512 }
    tmpfs: ["/scratch:size=1m"]
    logging: { driver: local, options: { max-size: 1m, max-file: "2" } }
`;
    await withProject({ "compose.yml": compose }, async (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      const id = project.compose("ps", "-q").out;
      const format =
        "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.MemoryReservation}}";
      expect(await tare.must(["inspect", "-f", format, id])).toBe("500000000 67108864 50 33554432");
      expect(await tare.must(["inspect", "-f", "{{json .HostConfig.LogConfig}}", id])).toBe(
        '{"Type":"local","Config":{"max-file":"2","max-size":"1m"}}',
      );
      expect(
        project.inside("app", "ulimit -n; cat /proc/sys/net/core/somaxconn; df -k /scratch | tail -1"),
      ).toMatch(/^100\n512\ntmpfs +1024 /);
    });
  });

  test("volumes keep their contents when a service is recreated; a changed service is", async () => {
    const compose = `
services:
  app:
    ${idle}
    environment: ["V=\${V:-1}"]
    volumes: ["data:/data", "./:/here:ro", { type: tmpfs, target: /t, tmpfs: { size: 1048576 } }]
volumes: { data: { labels: { kind: test } } }
`;
    await withProject({ "compose.yml": compose }, (project) => {
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(project.inside("app", "echo kept > /data/file; ls /here")).toBe("compose.yml");
      const before = project.compose("ps", "-q").out;
      writeFileSync(join(project.directory, ".env"), "V=2\n");
      expect(project.compose("up", "-d")).toMatchObject({ status: 0 });
      expect(project.compose("ps", "-q").out).not.toBe(before);
      expect(project.inside("app", "echo $V; cat /data/file")).toBe("2\nkept");
    });
  });

  test("the commands of a running project", async () => {
    const compose = `services:
  web:
    image: busybox
    command: sh -c 'echo begun; exec sleep 1000'
    stop_grace_period: 0s
    environment: { COLOR: red }
    init: true
    ports: ["127.0.0.1::80"]
  job:
    image: busybox
    command: sh -c 'sleep 1; exit 3'
    profiles: [jobs]
`;
    await withProject({ "compose.yaml": compose, given: "from outside" }, async ({ compose, directory }) => {
      const must = (...args: readonly string[]): string => {
        const { status, out } = compose(...args);
        expect([args, status, out]).toEqual([args, 0, out]);
        return out;
      };
      const stateOf = (): readonly string[] =>
        must("ps", "-a", "--format", "{{.Service}} {{.State}}").split("\n").sort();
      must("create");
      expect(stateOf()).toEqual(["web created"]);
      must("start");
      expect(must("ls", "-q").split("\n")).toHaveLength(1);
      expect(must("images", "--format", "json")).toContain('"Repository":"busybox"');
      expect(must("port", "web", "80")).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(must("run", "--rm", "-T", "-e", "SIZE=big", "web", "sh", "-c", "echo $COLOR $SIZE")).toBe(
        "red big",
      );
      expect(must("logs", "--no-color", "web")).toEndWith("web-1  | begun");
      expect(must("top", "web")).toContain("sleep 1000");
      must("cp", "given", "web:/tmp/given");
      expect(must("exec", "-T", "web", "cat", "/tmp/given")).toBe("from outside");
      must("cp", "web:/etc/hostname", "taken");
      expect(readFileSync(join(directory, "taken"), "utf8").trim()).toBe(
        must("ps", "-q", "web").slice(0, 12),
      );
      must("pause");
      expect(stateOf()).toEqual(["web paused"]);
      must("unpause");
      must("restart", "-t", "0", "web");
      expect(stateOf()).toEqual(["web running"]);
      expect(must("stats", "--no-stream", "--format", "{{.Name}}", "web")).toEndWith("-web-1");
      must("kill", "-s", "KILL", "web");
      await poll(() => (stateOf()[0] === "web exited" ? true : undefined), {
        what: "see the end",
        timeoutMs: 10_000,
      });
      must("rm", "-f");
      expect(stateOf()).toEqual([""]);
      must("up", "-d", "job");
      const { status, out } = compose("wait", "job");
      expect([status, out]).toEqual([3, expect.any(String)]);
    });
  });

  test("watch copies changed files into a service", async () => {
    const compose = `
services:
  app:
    ${idle}
    build: .
    develop: { watch: [{ action: sync, path: ./src, target: /src }] }
`;
    await withProject({ "compose.yml": compose }, async (project) => {
      mkdirSync(join(project.directory, "src"));
      expect(project.compose("up", "-d", "--no-build")).toMatchObject({ status: 0 });
      expect(project.inside("app", "mkdir /src && echo made")).toBe("made");
      const watching = Bun.spawn([program ?? "", "watch", "--no-up"], {
        cwd: project.directory,
        stdout: "pipe",
        stderr: "pipe",
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: project.directory,
          DOCKER_HOST: `unix://${tare.clientSocket}`,
          COMPOSE_PROJECT_NAME: project.directory.split("/").at(-1) ?? "",
        },
      });
      try {
        let count = 0;
        const text = await poll(
          () => {
            writeFileSync(join(project.directory, "src/file"), `new ${count++}`);
            const found = project.inside("app", "cat /src/file");
            return found.startsWith("new ") ? found : undefined;
          },
          { timeoutMs: 30_000, everyMs: 500, what: "see the copied file" },
        );
        expect(text).toStartWith("new ");
      } finally {
        watching.kill();
        await watching.exited;
      }
    });
  });
});
