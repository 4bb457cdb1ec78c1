import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { attackerProgram, startRace } from "../support/attacker.ts";
import { busyboxRootfsTar, type Contents, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** From inside of a container, against each program that enters it. */
describe.skipIf(!isRoot)("attacks on what enters a container", () => {
  let tare: Installation;
  let marker: string;

  beforeAll(async () => {
    tare = new Installation();
    marker = basename(tare.directory);
    const members: [string, Contents][] = [
      ["attacker", readFileSync(attackerProgram())],
      ["bin/self", { link: "/proc/self/exe" }],
    ];
    const image = { layers: [readFileSync(busyboxRootfsTar()), tarOf(members)], names: ["attacker:latest"] };
    const archive = join(tare.directory, "attacker.tar");
    writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
    await tare.must(["load", "-i", archive]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const until = async (name: string, word: string): Promise<string> => {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const output = await tare.must(["logs", name]);
      if (output.includes(word)) return output;
      await new Promise((resume) => setTimeout(resume, 10));
    }
    throw new Error(`${name} never said "${word}"`);
  };

  /** All that the attack got while programs entered the container for the time of a race. */
  const raceAgainstExec = async (attack: readonly string[], flags: readonly string[] = []) => {
    await tare.must(["run", "-d", "--name", "racer", ...flags, "attacker", "/attacker", ...attack]);
    await until("racer", "ready");
    let entered = 0;
    for (const isRacing = startRace(() => entered > 0); isRacing(); entered++)
      await tare.must(["exec", "racer", "/bin/busybox", "true"]);
    const output = await tare.must(["logs", "racer"]);
    await tare.must(["rm", "-f", "racer"]);
    return { entered, got: output.split("\n").filter((line) => line !== "ready") };
  };

  test("the attack sees what a process of the container has open", async () => {
    const script = `mkdir -p /bait/${marker}; cd /bait; sleep 1000 & exec /attacker grab ${marker}`;
    await tare.must(["run", "-d", "--name", "bait", "attacker", "sh", "-c", script]);
    expect(await until("bait", "GOT")).toContain("GOT directory /proc/");
    await tare.must(["rm", "-f", "bait"]);
  });

  test("no descriptor, directory, program or memory of the host can be had from an exec", async () => {
    const { entered, got } = await raceAgainstExec(["grab", marker]);
    expect(got).toEqual([]);
    expect(entered).toBeGreaterThan(0);
  }, 600_000);

  test("no process can be traced before it is the container's own", async () => {
    const { entered, got } = await raceAgainstExec(["trace"]);
    expect(got).toEqual([]);
    expect(entered).toBeGreaterThan(0);
  }, 600_000);

  test("the container's keeper cannot be reached through a shared pid namespace of another container", async () => {
    await tare.must(["run", "-d", "--name", "host", "attacker", "sleep", "1000"]);
    const { got } = await raceAgainstExec(["grab", marker], ["--pid", "container:host"]);
    expect(got).toEqual([]);
    await tare.must(["rm", "-f", "host"]);
  }, 600_000);

  test("a link to /proc/self/exe as the program neither runs Tare's own program as one of the container nor makes it writable", async () => {
    await tare.must(["run", "-d", "--name", "peer", "attacker", "sleep", "1000"]);
    const run = await tare.tare(["run", "--rm", "attacker", "/bin/self", "overwrite", "/proc/self/exe"]);
    expect(run.stdout).not.toContain("GOT");
    expect(run.status).not.toBe(0);
    for (let round = 0; round < 10; round++) {
      const exec = tare.tare(["exec", "peer", "/bin/self", "overwrite"]);
      const watch = tare.tare([
        "exec",
        "peer",
        "sh",
        "-c",
        "for p in /proc/[0-9]*; do case $(readlink $p/exe) in *memfd*|*keeper*) /attacker overwrite $p/exe;; esac; done",
      ]);
      expect((await watch).stdout).not.toContain("GOT");
      expect((await exec).stdout).not.toContain("GOT");
    }
    const [keeper = 0] = tare.keeperPids();
    expect(keeper).toBeGreaterThan(0);
    // The control: what the attack does to a program that can be written.
    const control = await tare.must([
      "exec",
      "peer",
      "sh",
      "-c",
      "cp /bin/busybox /tmp/victim; /attacker overwrite /tmp/victim",
    ]);
    expect(control).toContain("GOT written");
    expect(await tare.must(["run", "--rm", "attacker", "echo", "well"])).toBe("well");
    await tare.must(["rm", "-f", "peer"]);
  });

  test("inheritable and ambient capabilities are empty for every program that enters", async () => {
    const capabilities = "grep -E '^Cap(Inh|Amb)' /proc/self/status";
    const none = "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000";
    await tare.must(["run", "-d", "--name", "caps", "attacker", "sleep", "1000"]);
    const runs: readonly (readonly string[])[] = [
      ["run", "--rm", "attacker"],
      ["run", "--rm", "--privileged", "attacker"],
      ["run", "--rm", "--cap-add", "ALL", "attacker"],
      ["run", "--rm", "-u", "1000", "attacker"],
      ["exec", "caps"],
      ["exec", "--privileged", "caps"],
      ["exec", "-u", "1000", "caps"],
    ];
    for (const command of runs)
      expect([command, await tare.must([...command, "sh", "-c", capabilities])]).toEqual([command, none]);
    await tare.must(["rm", "-f", "caps"]);
  });

  test("supplementary groups are the image's or those asked for, never the engine's", async () => {
    await tare.must(["run", "-d", "--name", "groups", "-u", "1000", "attacker", "sleep", "1000"]);
    const groups = "grep ^Groups /proc/self/status | tr -s ' \\t' ' '";
    const of = async (...command: string[]): Promise<string> =>
      (await tare.must([...command, "sh", "-c", groups])).trim();
    expect(await of("run", "--rm", "-u", "user", "attacker")).toBe("Groups: 1000 2000");
    expect(await of("run", "--rm", "-u", "1234:1234", "attacker")).toBe("Groups: 1234");
    expect(await of("run", "--rm", "-u", "1234:1234", "--group-add", "7", "attacker")).toBe("Groups: 7 1234");
    expect(await of("exec", "-u", "1234:1234", "groups")).toBe("Groups: 1234");
    await tare.must(["rm", "-f", "groups"]);
  });

  test("a user id that does not fit is refused, and is not root", async () => {
    for (const user of [
      "2147483648",
      "4294967295",
      "4294967296",
      "18446744073709551616",
      "-1",
      "0x0",
      "1e3",
    ]) {
      const { status, stdout } = await tare.tare(["run", "--rm", "-u", user, "attacker", "id", "-u"]);
      expect([user, status, stdout]).toEqual([user, 125, ""]);
    }
  });
});
