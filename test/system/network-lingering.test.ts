import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { isFullRun } from "../support/full-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** A start, a connection and a removal, on a machine with other work. */
const patienceMs = 30_000;

/** The host's ends of containers: name → name of the bridge that it is on, or "". */
function hostEnds(): ReadonlyMap<string, string> {
  const { stdout, stderr } = spawnSync("ip", ["-o", "link", "show", "type", "veth"], { encoding: "utf8" });
  if (stderr.includes("interrupted")) return hostEnds(); // links came or went: some may be missing
  return new Map(
    stdout.split("\n").flatMap((line) => {
      const name = /^\d+: (tv[^:@]+)/.exec(line)?.[1];
      return name === undefined ? [] : [[name, / master (\S+)/.exec(line)?.[1] ?? ""] as const];
    }),
  );
}

/** Addresses that the host has the hardware address of. */
function hostNeighbors(): readonly string[] {
  const { stdout } = spawnSync("ip", ["neighbor", "show"], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => (line.includes("lladdr") ? [line.split(" ")[0] ?? ""] : []));
}

/**
 * A connection that the server fills and this side never reads beyond the first line: the kernel keeps trying to deliver the rest after the
 * server's end, and keeps its network namespace for that.
 */
async function openIdle(
  address: string,
  port: number,
): Promise<{ readonly line: string; readonly socket: Socket }> {
  return await new Promise((resolve, reject) => {
    const socket = connect(port, address);
    let text = "";
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      if (!text.includes("\n")) return;
      socket.pause();
      socket.on("error", () => undefined);
      resolve({ line: text.slice(0, text.indexOf("\n")), socket });
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
  });
}

describe.skipIf(!isRoot)("a container is replaced while a connection to it is open", () => {
  let tare: Installation;
  const open: Socket[] = [];
  const busy: Promise<unknown>[] = [];
  const done = new AbortController();

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["network", "create", "--subnet", "10.31.77.0/24", "fixed"]);
    // Keeps that bridge's carrier: the kernel forgets all neighbors of one without it.
    await tare.must(["run", "-d", "--network", "fixed", "--name", "stays", "busybox", "sleep", "100000"]);
    await tare.must(["network", "create", "--subnet", "10.31.78.0/29", "small"]);
    const past = ["-o", "bypass_bridge=true", "--subnet", "10.31.76.0/24"] as const;
    await tare.must(["network", "create", ...past, "past"]);
    // Load: starts and removals that take part in the same locks.
    const load = async (): Promise<void> => {
      while (!done.signal.aborted) await tare.must(["run", "--rm", "busybox", "true"]);
    };
    busy.push(load());
  });
  afterAll(async () => {
    done.abort();
    await Promise.all(busy);
    for (const socket of open) socket.destroy();
    await tare[Symbol.asyncDispose]();
  });

  const replace = async (
    round: number,
    {
      name,
      port,
      flags,
    }: { readonly name: string; readonly port: number; readonly flags: readonly string[] },
  ): Promise<void> => {
    const text = `${name} ${round}`;
    const script = `echo 'echo ${text}; cat /dev/zero' > /serve; exec nc -ll -p 80 -e sh /serve`;
    await tare.must([
      "run",
      "-d",
      "--name",
      name,
      "-p",
      `${port}:80`,
      ...flags,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.EndpointID}}{{end}}";
    const [address = "", endpoint = ""] = (await tare.must(["inspect", "--format", format, name]))
      .trim()
      .split(" ");
    const reached = await Promise.all(
      (
        [
          [address, 80],
          ["127.0.0.1", port],
        ] as const
      ).map(
        async ([host, at]) =>
          await poll(async () => await openIdle(host, at).catch(() => undefined), {
            timeoutMs: patienceMs,
            everyMs: 20,
            what: `reach round ${round} at ${host}:${at}`,
          }),
      ),
    );
    open.push(...reached.map(({ socket }) => socket));
    expect(reached.map(({ line }) => line)).toEqual([text, text]);
    const own = [...hostEnds().keys()].filter((end) => end.endsWith(endpoint.slice(0, 8)));
    expect(own).toHaveLength(name === "past" ? 0 : 1);
    const reachedBefore = hostNeighbors();
    await tare.must(["rm", "-f", name]);
    await poll(() => own.every((end) => (hostEnds().get(end) ?? "") === "") || undefined, {
      timeoutMs: patienceMs,
      everyMs: 10,
      what: "have the old link off its bridge",
    });
    // Both go in one request. Without it, the kernel keeps the entry for several seconds.
    if (name === "fixed") {
      expect(reachedBefore).toContain(address);
      await poll(() => !hostNeighbors().includes(address) || undefined, {
        timeoutMs: 2000,
        everyMs: 10,
        what: "have the host forget the address of the old link",
      });
    }
  };

  const cases = [
    { name: "plain", port: 18_080, flags: [], rounds: isFullRun ? 50 : 15 },
    {
      name: "fixed",
      port: 18_081,
      flags: ["--network", "fixed", "--ip", "10.31.77.9"],
      rounds: isFullRun ? 10 : 6,
    },
    // Five addresses: less than there are old links.
    { name: "small", port: 18_082, flags: ["--network", "small"], rounds: isFullRun ? 15 : 8 },
    {
      name: "past",
      port: 18_083,
      flags: ["--network", "past", "--ip", "10.31.76.9"],
      rounds: isFullRun ? 10 : 6,
    },
  ] as const;
  // In all networks at once, as each spends most of its time waiting.
  test(
    `${cases.map(({ name, rounds }) => `${rounds} times in ${name}`).join(", ")}: each answers with its own text, and no bridge leads to an old link`,
    async () => {
      await Promise.all(
        cases.map(async ({ rounds, ...one }) => {
          for (let round = 0; round < rounds; round++) await replace(round, one);
        }),
      );
    },
    50 * patienceMs,
  );

  test("system settle waits until no link of an ended container is left", async () => {
    done.abort();
    await tare.must(["rm", "-f", "stays"]);
    await Promise.all(busy);
    await tare.must(["system", "settle"]);
    expect([...hostEnds().keys()]).toEqual([]);
    expect(await tare.must(["system", "check"])).not.toMatch(/interface|endpoint/);
  });
});
