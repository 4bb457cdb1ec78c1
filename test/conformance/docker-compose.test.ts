import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const program = Bun.which("docker-compose");
if (program === null) console.log("skipped: docker-compose (apt-get install docker-compose)");

/** Two networks: `back`, which leads nowhere, and `front`; one service is in both. */
const project = `
name: three
services:
  db:
    image: busybox
    command: sh -c 'echo data > /tmp/index.html; exec httpd -f -p 5432 -h /tmp'
    networks: [back]
  api:
    image: busybox
    command: sh -c 'trap exit TERM; while :; do sleep 0.1; done'
    networks:
      back: {}
      front: { aliases: [service] }
    depends_on: [db]
  web:
    image: busybox
    command: sh -c 'echo page > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
    ports: ["18200:80"]
    networks: [front]
networks:
  front: {}
  back: { internal: true }
`;

describe.skipIf(!isRoot || program === null)("docker-compose with a project of three services", () => {
  let tare: Installation;
  let directory: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    directory = join(tare.directory, "project");
    mkdirSync(directory);
    writeFileSync(join(directory, "compose.yml"), project);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const compose = (...args: readonly string[]): { readonly status: number | null; readonly out: string } => {
    const { status, stdout, stderr } = spawnSync(program ?? "", args, {
      cwd: directory,
      encoding: "utf8",
      env: { ...process.env, DOCKER_HOST: `unix://${tare.clientSocket}`, HOME: tare.directory },
      timeout: 60_000 * slowness,
    });
    return { status, out: status === 0 ? stdout.trim() : `${stdout}${stderr}`.trim() };
  };
  const inside = (service: string, ...command: readonly string[]): ReturnType<typeof compose> =>
    compose("exec", "-T", service, ...command);
  const fetched = async (service: string, url: string): Promise<string> =>
    await poll(
      () => {
        const { status, out } = inside(service, "wget", "-qT", "3", "-O-", url);
        return status === 0 ? out : undefined;
      },
      { timeoutMs: 20_000, everyMs: 100, what: `fetch ${url} from ${service}` },
    );

  test("names, ports, and networks that are apart", async () => {
    expect(compose("up", "-d")).toMatchObject({ status: 0 });
    expect(compose("ps", "--services", "--status", "running").out.split("\n").sort()).toEqual([
      "api",
      "db",
      "web",
    ]);
    expect(await fetched("api", "http://db:5432/")).toBe("data");
    expect(await fetched("api", "http://web/")).toBe("page");
    expect(inside("web", "ping", "-c", "1", "-W", "20", "service").status).toBe(0);
    expect(inside("web", "ping", "-c", "1", "-W", "20", "three-api-1").status).toBe(0);
    // Neither by name nor by address.
    expect(inside("web", "wget", "-qT", "20", "-O-", "http://db:5432/").out).toContain("bad address");
    const address = await tare.must([
      "inspect",
      "--format",
      "{{.NetworkSettings.Networks.three_back.IPAddress}}",
      "three-db-1",
    ]);
    expect(inside("web", "wget", "-qT", "2", "-O-", `http://${address}:5432/`).status).not.toBe(0);
    expect(compose("port", "web", "80").out).toBe("0.0.0.0:18200");
    const page = await fetch("http://127.0.0.1:18200/");
    expect((await page.text()).trim()).toBe("page");
  });

  test("is left as it is when nothing has changed, and goes altogether", async () => {
    const before = await tare.must(["ps", "-q", "--no-trunc"]);
    expect(compose("up", "-d")).toMatchObject({ status: 0 });
    expect(await tare.must(["ps", "-q", "--no-trunc"])).toBe(before);
    expect(compose("up", "-d", "--scale", "db=2")).toMatchObject({ status: 0 });
    const answers = inside("api", "nslookup", "db").out;
    expect(new Set(answers.match(/Address: (\d+\.\d+\.\d+\.\d+)$/gm)).size).toBe(2);
    expect(compose("down", "-t", "1")).toMatchObject({ status: 0 });
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(await tare.must(["network", "ls", "--filter", "type=custom", "-q"])).toBe("");
  });
});

const uploads = `
name: uploads
services:
  app:
    image: busybox
    command: sleep 1000
    configs:
      - { source: text, target: /etc/app/app.conf, mode: 0440 }
      - text
    secrets: [token]
    logging: { driver: json-file, options: { max-size: 10m, max-file: "3", compress: "true" } }
    healthcheck: { test: ["CMD", "true"], interval: 1s }
configs:
  text: { content: "a=1" }
secrets:
  token: { environment: UPLOADED_TOKEN }
`;

describe.skipIf(!isRoot || program === null)("docker-compose with a project that uploads files", () => {
  test("configs and secrets are where they are asked for, log options and a health check are taken", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const directory = join(tare.directory, "uploads");
    mkdirSync(directory);
    writeFileSync(join(directory, "compose.yml"), uploads);
    const compose = (
      ...args: readonly string[]
    ): { readonly status: number | null; readonly out: string } => {
      const { status, stdout, stderr } = spawnSync(program ?? "", args, {
        cwd: directory,
        encoding: "utf8",
        env: {
          ...process.env,
          DOCKER_HOST: `unix://${tare.clientSocket}`,
          HOME: tare.directory,
          UPLOADED_TOKEN: "s3cret",
        },
        timeout: 60_000 * slowness,
      });
      return { status, out: status === 0 ? stdout.trim() : `${stdout}${stderr}`.trim() };
    };
    expect(compose("up", "-d")).toMatchObject({ status: 0 });
    const read = "cat /etc/app/app.conf /text /run/secrets/token; stat -c %a /etc/app/app.conf";
    expect(compose("exec", "-T", "app", "sh", "-c", read)).toEqual({ status: 0, out: "a=1a=1s3cret440" });
    const shown = await tare.must(["inspect", "-f", "{{json .HostConfig.LogConfig}}", "uploads-app-1"]);
    expect(JSON.parse(shown)).toEqual({
      Type: "json-file",
      Config: { compress: "true", "max-file": "3", "max-size": "10m" },
    });
    expect(compose("down", "-t", "0")).toMatchObject({ status: 0 });
  });
});

const checked = `
name: checked
services:
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /tmp/ready; exec sleep 1000'
    healthcheck: { test: "test -e /tmp/ready", interval: 200ms, retries: 50 }
  app:
    image: busybox
    command: sleep 1000
    depends_on: { db: { condition: service_healthy } }
    healthcheck: { test: ["CMD", "true"], interval: 200ms }
  bad:
    image: busybox
    command: sleep 1000
    profiles: [bad]
    healthcheck: { test: ["CMD", "false"], interval: 200ms, retries: 2 }
`;

describe.skipIf(!isRoot || program === null)("docker-compose with a project that has health checks", () => {
  test("up --wait and depends_on wait for healthy services, and report one that is not", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const directory = join(tare.directory, "checked");
    mkdirSync(directory);
    writeFileSync(join(directory, "compose.yml"), checked);
    const compose = (
      ...args: readonly string[]
    ): { readonly status: number | null; readonly out: string } => {
      const { status, stdout, stderr } = spawnSync(program ?? "", args, {
        cwd: directory,
        encoding: "utf8",
        env: { ...process.env, DOCKER_HOST: `unix://${tare.clientSocket}`, HOME: tare.directory },
        timeout: 60_000 * slowness,
      });
      return { status, out: status === 0 ? stdout.trim() : `${stdout}${stderr}`.trim() };
    };
    expect(compose("up", "-d", "--wait")).toMatchObject({ status: 0 });
    const inspect = async (name: string, format: string): Promise<string> =>
      await tare.must(["inspect", "-f", format, name]);
    for (const name of ["checked-db-1", "checked-app-1"])
      expect(await inspect(name, "{{.State.Health.Status}}")).toBe("healthy");
    const words =
      "events --since 10m --until 0s --filter container=checked-db-1 --filter event=health_status";
    const firstSuccess = await tare.must([...words.split(" "), "--format", "{{.TimeNano}} {{.Action}}"]);
    expect(firstSuccess).toMatch(/^\d+ health_status: healthy$/);
    const started = Date.parse(await inspect("checked-app-1", "{{.State.StartedAt}}"));
    expect(started).toBeGreaterThanOrEqual(Number(firstSuccess.split(" ")[0]) / 1e6 - 1);
    expect(compose("ps", "--format", "{{.Health}}").out.split("\n")).toEqual(["healthy", "healthy"]);
    const failed = compose("--profile", "bad", "up", "-d", "--wait");
    expect(failed.status).not.toBe(0);
    expect(failed.out).toContain("checked-bad-1 is unhealthy");
    expect(compose("--profile", "bad", "down", "-t", "0")).toMatchObject({ status: 0 });
  });
});
