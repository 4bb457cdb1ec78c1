/** Docker's client and the ends of programs: exit codes, restarts, waits. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const program = findDockerCli();
if (program === undefined) console.log("skipped: docker-cli (apt-get install docker-cli)");

describe.skipIf(!isRoot || program === undefined)("docker-cli", () => {
  let tare: Installation;
  let docker: DockerCli;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    docker = new DockerCli(program ?? "", { socket: tare.socket, config: join(tare.directory, "docker") });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("exec gives the exit code of each of 200 programs", async () => {
    await docker.must(["run", "-d", "--name", "execs", "busybox", "sleep", "1000"]);
    const codes: (number | null)[] = [];
    const work = async (): Promise<void> => {
      while (codes.length < 200) {
        const at = codes.push(-1);
        const outcome = await docker.run(["exec", "execs", "sh", "-c", `echo ${at}; exit 3`], {
          timeoutMs: 60_000,
        });
        expect(outcome.stdout).toBe(`${at}\n`);
        codes[at - 1] = outcome.code;
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect(codes.filter((code) => code !== 3)).toEqual([]);
    await docker.must(["rm", "-f", "execs"]);
  });

  test("restart keeps a container of run --rm, and its end removes it", async () => {
    await docker.must(["run", "-d", "--rm", "--name", "kept", "busybox", "sleep", "1000"]);
    await docker.must(["restart", "-t", "0", "kept"]);
    expect(await docker.must(["inspect", "-f", "{{.State.Running}}", "kept"])).toBe("true");
    await docker.must(["exec", "kept", "true"]);
    await docker.must(["stop", "-t", "0", "kept"]);
    await tare.must(["system", "settle"]);
    expect(await docker.must(["ps", "-aq", "--filter", "name=kept"])).toBe("");
  });

  test("run and attach end with a container that is started again", async () => {
    const command = ["sh", "-c", "echo said; read line; exit 11"];
    const ran = await docker.run(
      ["run", "-i", "--name", "again", "--restart=always", "busybox", ...command],
      { input: "go\n", timeoutMs: 60_000 },
    );
    expect(ran).toMatchObject({ code: 11, stdout: "said\n" });
    await docker.must(["rm", "-f", "again"]);
    const hold = ["sh", "-c", "until test -e /go; do sleep 0.1; done; exit 12"];
    await docker.must(["run", "-d", "--name", "held", "--restart=always", "busybox", ...hold]);
    const waiting = docker.must(["wait", "held"], { timeoutMs: 60_000 });
    const attached = docker.run(["attach", "--no-stdin", "held"], { timeoutMs: 60_000 });
    await docker.must(["exec", "held", "touch", "/go"]);
    expect(await waiting).toBe("12");
    expect((await attached).code).toBe(12);
    await docker.must(["rm", "-f", "held"]);
  });
});
