/** Docker's client and the ends of programs: exit codes, restarts, waits. */
import { expect, test } from "bun:test";
import { describeDocker } from "../support/docker-host.ts";

describeDocker("docker-cli", (host) => {
  test("exec gives the exit code of each of 200 programs", async () => {
    await host.docker.must(["run", "-d", "--name", "execs", "busybox", "sleep", "1000"]);
    const codes: (number | null)[] = [];
    const work = async (): Promise<void> => {
      while (codes.length < 200) {
        const at = codes.push(-1);
        const outcome = await host.docker.run(["exec", "execs", "sh", "-c", `echo ${at}; exit 3`], {
          timeoutMs: 60_000,
        });
        expect(outcome.stdout).toBe(`${at}\n`);
        codes[at - 1] = outcome.code;
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect(codes.filter((code) => code !== 3)).toEqual([]);
    await host.docker.must(["rm", "-f", "execs"]);
  });

  test("restart keeps a container of run --rm, and its end removes it", async () => {
    await host.docker.must(["run", "-d", "--rm", "--name", "kept", "busybox", "sleep", "1000"]);
    await host.docker.must(["restart", "-t", "0", "kept"]);
    expect(await host.docker.must(["inspect", "-f", "{{.State.Running}}", "kept"])).toBe("true");
    await host.docker.must(["exec", "kept", "true"]);
    await host.docker.must(["stop", "-t", "0", "kept"]);
    await host.tare.must(["system", "settle"]);
    expect(await host.docker.must(["ps", "-aq", "--filter", "name=kept"])).toBe("");
  });

  test("run and attach end with a container that is started again", async () => {
    const command = ["sh", "-c", "echo said; read line; exit 11"];
    const ran = await host.docker.run(
      ["run", "-i", "--name", "again", "--restart=always", "busybox", ...command],
      { input: "go\n", timeoutMs: 60_000 },
    );
    expect(ran).toMatchObject({ code: 11, stdout: "said\n" });
    await host.docker.must(["rm", "-f", "again"]);
    const hold = ["sh", "-c", "until test -e /go; do sleep 0.1; done; exit 12"];
    await host.docker.must(["run", "-d", "--name", "held", "--restart=always", "busybox", ...hold]);
    const waiting = host.docker.must(["wait", "held"], { timeoutMs: 60_000 });
    await host.docker.must(["exec", "held", "touch", "/go"]);
    expect(await waiting).toBe("12");
    // Its input ends the run: the client is attached by then.
    const reads = ["sh", "-c", "read line; exit 13"];
    await host.docker.must(["run", "-d", "-i", "--name", "joined", "--restart=always", "busybox", ...reads]);
    const attached = await host.docker.run(["attach", "joined"], { input: "go\n", timeoutMs: 60_000 });
    expect(attached.code).toBe(13);
    await host.docker.must(["rm", "-f", "joined"]);
    await host.docker.must(["rm", "-f", "held"]);
  });
});
