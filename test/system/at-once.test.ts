import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { type Finished, Installation, isRoot } from "../support/tare.ts";

const clients = 20;

describe.skipIf(!isRoot)("20 clients at once", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  function all(args: readonly string[]): Promise<readonly Finished[]> {
    return Promise.all(Array.from({ length: clients }, () => tare.tare(args)));
  }

  /** How often each action happened to the container. */
  async function actions(id: string): Promise<Readonly<Record<string, number>>> {
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    const text = await tare.must([
      "events",
      "--since",
      "0",
      "--until",
      until,
      "--filter",
      `container=${id}`,
      "--format",
      "{{.Action}}",
    ]);
    const counts: Record<string, number> = {};
    for (const action of text.split("\n")) counts[action] = (counts[action] ?? 0) + 1;
    return counts;
  }

  /** One has done it; the others were told so by the sentence. */
  function expectOneWinner(finished: readonly Finished[], refusal: RegExp): void {
    expect(finished.filter(({ status }) => status === 0)).toHaveLength(1);
    for (const { status, stderr } of finished) if (status !== 0) expect(stderr.trim()).toMatch(refusal);
  }

  const sleeper = ["busybox", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"];

  test("start it once: the others find it running", async () => {
    const id = await tare.must(["create", "--name", "started", ...sleeper]);
    expect((await all(["start", "started"])).map(({ status }) => status)).toEqual(Array(clients).fill(0));
    expect((await actions(id))["start"]).toBe(1);
    expect(await tare.must(["inspect", "--format", "{{.State.Status}}", id])).toBe("running");
    await tare.must(["rm", "-f", id]);
  });

  test("stop it once: it ends once", async () => {
    const id = await tare.must(["run", "-d", "--name", "stopped", ...sleeper]);
    expect((await all(["stop", "stopped"])).map(({ status }) => status)).toEqual(Array(clients).fill(0));
    expect((await actions(id))["die"]).toBe(1);
    expect(await tare.must(["inspect", "--format", "{{.State.Status}}", id])).toBe("exited");
    await tare.must(["rm", id]);
  });

  test("kill it: it ends once, and who comes late hears that it does not run", async () => {
    const id = await tare.must(["run", "-d", "--name", "killed", ...sleeper]);
    const finished = await all(["kill", "killed"]);
    expect(finished.some(({ status }) => status === 0)).toBe(true);
    for (const { status, stderr } of finished) if (status !== 0) expect(stderr).toMatch(/is not running/);
    expect((await actions(id))["die"]).toBe(1);
    expect(await tare.must(["inspect", "--format", "{{.State.ExitCode}}", id])).toBe("137");
    await tare.must(["rm", id]);
  });

  test("pause and unpause it: one does", async () => {
    const id = await tare.must(["run", "-d", "--name", "paused", ...sleeper]);
    expectOneWinner(await all(["pause", "paused"]), /is already paused$/);
    expectOneWinner(await all(["unpause", "paused"]), /is not paused$/);
    expect(await actions(id)).toMatchObject({ pause: 1, unpause: 1 });
    await tare.must(["rm", "-f", id]);
  });

  test("rename it: one does", async () => {
    const id = await tare.must(["create", "--name", "before", "busybox", "true"]);
    expectOneWinner(
      await all(["rename", "before", "after"]),
      /Renaming a container with the same name as its current name$|No such container: before$/,
    );
    expect((await actions(id))["rename"]).toBe(1);
    expect(await tare.must(["inspect", "--format", "{{.Name}}", id])).toBe("/after");
    await tare.must(["rm", await tare.must(["create", "--name", "before", "busybox", "true"])]);
    await tare.must(["rm", "after"]);
  });

  test("remove it: one does", async () => {
    const id = await tare.must(["create", "--name", "removed", "busybox", "true"]);
    const gone = /No such container: removed$|removal of container \w+ is already in progress$/;
    expectOneWinner(await all(["rm", "removed"]), gone);
    expect((await actions(id))["destroy"]).toBe(1);
    const again = await tare.must(["run", "-d", "--name", "removed", ...sleeper]);
    const forced = await all(["rm", "-f", "removed"]);
    expect(forced.some(({ status }) => status === 0)).toBe(true);
    expect(await actions(again)).toMatchObject({ die: 1, destroy: 1 });
  });

  test("execute in a container that is being paused: each runs, or hears that it is paused", async () => {
    const id = await tare.must(["run", "-d", "--name", "busy", ...sleeper]);
    for (let round = 0; round < 3; round++) {
      const execs = Array.from({ length: 6 }, () => tare.tare(["exec", "-d", "busy", "true"]));
      const paused = tare.tare(["pause", "busy"]);
      for (const { status, stderr } of await Promise.all(execs)) {
        if (status !== 0)
          expect(stderr).toMatch(/Container \w+ is paused, unpause the container before exec$/m);
      }
      expect((await paused).status).toBe(0);
      await tare.must(["unpause", "busy"]);
    }
    await tare.must(["rm", "-f", id]);
  });
});

describe.skipIf(!isRoot)("one command on several containers", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("stop reaches the last one while the first one still runs", async () => {
    // Each one ends by itself only when all have received the signal.
    const names = ["one", "two", "three", "four"];
    const program = `trap 'touch /s/$0; while [ $(ls /s | wc -l) -lt ${names.length} ]; do sleep 0.05; done; exit 7' TERM
      echo ready
      while :; do sleep 0.05; done`;
    for (const name of names) {
      await tare.must(["run", "-d", "--name", name, "-v", "seen:/s", "busybox", "sh", "-c", program, name]);
    }
    for (const name of names) {
      // A signal before the trap would be ignored: the shell is the first process of its namespace.
      await poll(async () => ((await tare.must(["logs", name])) === "ready" ? true : undefined), {
        timeoutMs: 30_000,
        what: `see ${name} ready`,
      });
    }
    expect(await tare.must(["stop", "-t", "300", ...names])).toBe(names.join("\n"));
    expect(await tare.must(["wait", ...names])).toBe("7\n7\n7\n7");
    const removed = await tare.tare(["rm", "nobody", ...names]);
    expect(removed).toMatchObject({ status: 1, stdout: `${names.join("\n")}\n` });
    expect(removed.stderr).toMatch(/^tare: .*No such container: nobody\n$/);
    await tare.must(["volume", "rm", "seen"]);
  });

  test("start begins with those that others join or link to", async () => {
    const sleeper = ["busybox", "sleep", "1000"];
    await tare.must(["create", "--name", "first", ...sleeper]);
    await tare.must(["create", "--name", "joined", "--network", "container:first", ...sleeper]);
    await tare.must(["create", "--name", "linked", "--link", "first:db", ...sleeper]);
    const names = ["linked", "joined", "first"];
    for (const command of [["start"], ["restart", "-t", "0"]]) {
      expect(await tare.must([...command, ...names])).toBe(names.join("\n"));
    }
    const states = await tare.must(["inspect", "--format", "{{.State.Status}}", ...names]);
    expect(states).toBe("running\nrunning\nrunning");
    await tare.must(["rm", "-f", ...names]);
  });
});
