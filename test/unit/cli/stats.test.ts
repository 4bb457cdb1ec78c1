import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import type { ContainerStats } from "../../../src/api/types/statistics.ts";
import { Failure } from "../../../src/base/failure.ts";
import { cpuPercent, usedMemory } from "../../../src/cli/format/stats-row.ts";
import { Screen } from "../../../src/cli/stats/screen.ts";
import { statsOf } from "../../../src/daemon/map/statistics.ts";
import { fakeStatistics } from "../daemon/fake-statistics.ts";
import { runCommandLine } from "./command-line.ts";

const idOf = (name: string): string => Buffer.from(name.padEnd(32, name)).toString("hex");
const shortOf = (name: string): string => idOf(name).slice(0, 12);
const sample = (name: string, at = 1): ContainerStats =>
  statsOf(fakeStatistics({ id: idOf(name), name, at }));

interface Event {
  readonly Action: string;
  readonly Actor: { readonly ID: string };
}

/** Containers by name; each gives its figures once, or for a stream until it is aborted. */
class FakeDaemon {
  readonly names: string[];
  readonly asked: string[] = [];
  events: readonly Event[] = [];

  constructor(...names: string[]) {
    this.names = names;
  }

  client(): object {
    return {
      containers: {
        list: async ({ all }: { readonly all: boolean }) => {
          this.asked.push(`list all=${all}`);
          return this.names.map((name) => ({ Id: idOf(name) }));
        },
        stats: (reference: string, options: { readonly samples: string }) => this.#stats(reference, options),
      },
      system: { events: () => this.#events() },
    };
  }

  async *#stats(reference: string, { samples }: { readonly samples: string }) {
    this.asked.push(`${samples} ${reference}`);
    const name = this.names.find((one) => one === reference || shortOf(one) === reference);
    if (name === undefined) {
      const details = { fromDaemon: true };
      throw new Failure("not-found", `No such container: ${reference}`, { details });
    }
    yield sample(name);
  }

  async *#events() {
    yield* this.events;
  }
}

const run = (daemon: FakeDaemon, ...argv: readonly string[]) =>
  runCommandLine(["stats", ...argv], { client: daemon.client() });

describe("stats", () => {
  test("stats --no-stream prints docker's table of all that run", async () => {
    const daemon = new FakeDaemon("web", "db");
    const { status, out } = await run(daemon, "--no-stream");
    expect(status).toBe(0);
    expect(out).toBe(
      "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O     BLOCK I/O       PIDS\n" +
        `${shortOf("web")}   web       50.00%    32MiB / 64MiB       50.00%    1kB / 2MB   4.1kB / 1.5MB   3\n` +
        `${shortOf("db")}   db        50.00%    32MiB / 64MiB       50.00%    1kB / 2MB   4.1kB / 1.5MB   3\n`,
    );
    expect(daemon.asked).toEqual(["list all=false", `once ${shortOf("web")}`, `once ${shortOf("db")}`]);
    await run(daemon, "--no-stream", "--all");
    expect(daemon.asked).toContain("list all=true");
  });

  test("stats of named containers takes formats, and whole ids", async () => {
    const daemon = new FakeDaemon("web");
    expect((await run(daemon, "--no-stream", "--format", "{{.Container}} {{.PIDs}}", "web")).out).toBe(
      "web 3\n",
    );
    expect((await run(daemon, "--no-stream", "--no-trunc", "--format", "{{.ID}}", "web")).out).toBe(
      `${idOf("web")}\n`,
    );
    const json = JSON.parse((await run(daemon, "--no-stream", "--format", "json", "web")).out) as object;
    expect(json).toEqual({
      Container: "web",
      ID: shortOf("web"),
      Name: "web",
      CPUPerc: "50.00%",
      MemUsage: "32MiB / 64MiB",
      MemPerc: "50.00%",
      NetIO: "1kB / 2MB",
      BlockIO: "4.1kB / 1.5MB",
      PIDs: "3",
    });
  });

  test("stats names every container that there is not, and fails", async () => {
    const daemon = new FakeDaemon("web");
    expect(await run(daemon, "nope")).toMatchObject({ status: 1, err: "tare: No such container: nope\n" });
    expect(await run(daemon, "a", "web", "b")).toMatchObject({
      status: 1,
      out: "",
      err: "tare: No such container: a\ntare: No such container: b\n",
    });
  });

  test("stats of named containers ends when the last of them is removed", async () => {
    expect(await run(new FakeDaemon("web"), "web")).toMatchObject({ status: 0 });
  });

  test("stats refuses a wrong template before it asks for anything", async () => {
    const daemon = new FakeDaemon("web");
    const { status, err } = await run(daemon, "--format", "{{.", "web");
    expect([status, err]).toEqual([1, expect.stringContaining("template parsing error")]);
    expect(daemon.asked).toEqual([]);
  });
});

test("cpuPercent() is 0 without a sample before, and 100 is one CPU", () => {
  const { cpu_stats: now, precpu_stats: before } = sample("web");
  expect(cpuPercent(before, now)).toBe(50);
  expect(cpuPercent(now, now)).toBe(0);
});

test("usedMemory() leaves out what can be dropped, by the names of v1 and v2", () => {
  expect(usedMemory({ usage: 10, stats: { total_inactive_file: 4, inactive_file: 1 } })).toBe(6);
  expect(usedMemory({ usage: 10, stats: { inactive_file: 4 } })).toBe(6);
  expect(usedMemory({ usage: 10, stats: { inactive_file: 40 } })).toBe(10);
  expect(usedMemory({})).toBe(0);
});

test("draw() goes over the same lines of a terminal, and no further than its end", () => {
  const drawn = (isTTY: boolean, rows = 3): string => {
    const stream = Object.assign(new PassThrough(), { isTTY, rows, columns: 80 });
    const screen = new Screen(stream);
    screen.draw("one\ntwo\nthree\n");
    screen.draw("four\n");
    return String(Buffer.concat([stream.read(), stream.read() ?? Buffer.alloc(0)]));
  };
  expect(drawn(true)).toBe("\x1b[2J\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J\x1b[Hfour\x1b[K\n\x1b[J");
  // A terminal that does not know its size.
  expect(drawn(true, 0)).toBe(
    "\x1b[2J\x1b[Hone\x1b[K\ntwo\x1b[K\nthree\x1b[K\n\x1b[J\x1b[Hfour\x1b[K\n\x1b[J",
  );
  expect(drawn(false)).toBe("one\ntwo\nthree\nfour\n");
});
