import { describe, expect, test } from "bun:test";
import type { BuildMessage, BuildStatus, BuildVertex } from "../../../src/api/types/build.ts";
import { BuildTrace, shownText } from "../../../src/cli/build/build-trace.ts";
import { formatBuildFailure, formatFailedSteps } from "../../../src/cli/build/format-end.ts";
import { PlainDisplay } from "../../../src/cli/build/plain-display.ts";
import { formatRawLine } from "../../../src/cli/build/raw-lines.ts";
import { drawScreen } from "../../../src/cli/build/screen.ts";

const begin = 1_700_000_000_000;

function vertex(id: string, times: Partial<BuildVertex> = {}): BuildMessage {
  return { Vertex: { Id: id, Inputs: [], Name: `[${id}/3] RUN ${id}`, ...times } };
}

function log(id: string, text: string, atMs: number): BuildMessage {
  return { Log: { Vertex: id, Stream: 1, At: begin + atMs, Data: Buffer.from(text).toString("base64") } };
}

function status(id: string, rest: Partial<BuildStatus> = {}): BuildMessage {
  return { Status: { Vertex: id, Id: "transferring context:", Current: 0, StartedAt: begin, ...rest } };
}

function started(id: string, atMs = 0): BuildMessage {
  return vertex(id, { StartedAt: begin + atMs });
}

function ended(id: string, atMs: number, rest: Partial<BuildVertex> = {}): BuildMessage {
  return vertex(id, { StartedAt: begin, CompletedAt: begin + atMs, ...rest });
}

/** What the plain display prints; each message comes so many milliseconds after the first. */
function plain(...messages: readonly (readonly [atMs: number, message: BuildMessage])[]): string {
  let text = "";
  const display = new PlainDisplay((piece) => {
    text += piece;
  });
  for (const [atMs, message] of messages) display.take(message, begin + atMs);
  return text;
}

describe("PlainDisplay", () => {
  test("prints a step, its output with times, and its end", () => {
    expect(
      plain(
        [0, vertex("1")],
        [0, started("1")],
        [123, log("1", "one\ntw", 123)],
        [200, log("1", "o\n", 200)],
        [250, ended("1", 250)],
      ),
    ).toBe("#1 [1/3] RUN 1\n#1 0.123 one\n#1 0.200 two\n#1 DONE 0.3s\n");
  });

  test("prints a last line that has no end", () => {
    expect(plain([0, started("1")], [5, log("1", "half", 5)], [10, ended("1", 10)])).toBe(
      "#1 [1/3] RUN 1\n#1 0.010 half\n#1 DONE 0.0s\n",
    );
  });

  test("prints nothing of steps that have not begun, and CACHED, CANCELED and ERROR as ends", () => {
    expect(
      plain(
        [0, vertex("4")],
        [0, ended("1", 0, { Cached: true })],
        [0, ended("2", 0, { Error: "context canceled" })],
        [0, ended("3", 0, { Error: "exit code: 3" })],
      ),
    ).toBe(
      "#1 [1/3] RUN 1\n#1 CACHED\n\n#2 [2/3] RUN 2\n#2 CANCELED\n\n#3 [3/3] RUN 3\n#3 ERROR: exit code: 3\n",
    );
  });

  test("keeps the lines of one step together, and shows the other when the first is done", () => {
    expect(
      plain(
        [0, started("1")],
        [0, started("2")],
        [10, log("2", "other\n", 10)],
        [20, log("1", "own\n", 20)],
        [30, ended("1", 30)],
      ),
    ).toBe("#1 [1/3] RUN 1\n#1 0.020 own\n#1 DONE 0.0s\n\n#2 [2/3] RUN 2\n#2 0.010 other\n");
  });

  test("changes to a step that waited for a second", () => {
    expect(
      plain([0, started("1")], [0, started("2")], [1500, log("2", "late\n", 1500)], [1600, ended("1", 1600)]),
    ).toBe(
      "#1 [1/3] RUN 1\n#1 ...\n\n#2 [2/3] RUN 2\n#2 1.500 late\n#2 ...\n\n#1 [1/3] RUN 1\n#1 DONE 1.6s\n",
    );
  });

  test("prints amounts once, when they are complete", () => {
    expect(
      plain(
        [0, started("1")],
        [1, status("1", { Current: 10, Total: 2500 })],
        [2, status("1", { Current: 2500, Total: 2500 })],
        [3, status("1", { Current: 2500, Total: 2500, CompletedAt: begin + 3 })],
        [4, ended("1", 4)],
      ),
    ).toBe("#1 [1/3] RUN 1\n#1 transferring context: 2.50kB done\n#1 DONE 0.0s\n");
  });
});

describe("shownText()", () => {
  test.each([
    ["plain", "plain"],
    ["10%\r50%\r100%", "100%"],
    ["windows\r", "windows"],
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007x", "\\u001b]0;title\\u0007x"],
  ])("%j is %j", (raw, shown) => {
    expect(shownText(raw)).toBe(shown);
  });
});

describe("drawScreen()", () => {
  function screen(
    messages: readonly BuildMessage[],
    { columns = 40, rows = 24, isOver = false }: { columns?: number; rows?: number; isOver?: boolean } = {},
  ): readonly string[] {
    const trace = new BuildTrace();
    for (const message of messages) trace.take(message);
    return drawScreen({ trace, startedAtMs: begin, nowMs: begin + 1200, columns, rows, isOver });
  }

  test("has a heading, a line for each step that has begun, and the output of those that run", () => {
    expect(
      screen([vertex("3"), ended("1", 200, { Cached: true }), started("2", 200), log("2", "a\nb", 300)]),
    ).toEqual([
      "[+] Building 1.2s (1/3)",
      " => CACHED [1/3] RUN 1             0.2s",
      " => [2/3] RUN 2                    1.0s",
      " => => # a",
      " => => # b",
    ]);
  });

  test("says when it is over, and which step failed", () => {
    expect(screen([ended("1", 100, { Error: "exit code: 1" })], { isOver: true })).toEqual([
      "[+] Building 1.2s (1/1) FINISHED",
      " => ERROR [1/3] RUN 1              0.1s",
    ]);
  });

  test("has no line as wide as the terminal and no more lines than it", () => {
    const many = Array.from({ length: 50 }, (_, at) => [
      ended(`${at}`, 5),
      started(`run${at}`),
      log(`run${at}`, `${"long ".repeat(40)}\n`, 1),
    ]).flat();
    for (const columns of [10, 20, 80]) {
      const lines = screen(many, { columns, rows: 12 });
      expect(lines.length).toBeLessThan(12);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(columns);
    }
  });

  test("shows the last six lines of a running step", () => {
    const lines = screen([
      started("1"),
      log("1", Array.from({ length: 9 }, (_, at) => `l${at}\n`).join(""), 1),
    ]);
    expect(lines.filter((line) => line.includes("#"))).toEqual(
      [3, 4, 5, 6, 7, 8].map((at) => ` => => # l${at}`),
    );
  });
});

test("formatFailedSteps() has the last ten lines of the step that failed, not of canceled ones", () => {
  const trace = new BuildTrace();
  trace.take(started("1"));
  trace.take(log("1", Array.from({ length: 12 }, (_, at) => `l${at}\n`).join(""), 1));
  trace.take(ended("1", 2, { Error: "exit code: 1" }));
  trace.take(ended("2", 2, { Error: "context canceled" }));
  const lines = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((at) => `l${at}\n`).join("");
  expect(formatFailedSteps(trace)).toBe(`------\n > [1/3] RUN 1:\n${lines}------\n`);
});

test("formatBuildFailure() has the excerpt before the sentence, without control characters", () => {
  expect(formatBuildFailure("no \u001b", { excerpt: "Dockerfile:1\n", fromDaemon: true })).toBe(
    "Dockerfile:1\nERROR: failed to build: failed to solve: no \\u001b\n",
  );
  expect(formatBuildFailure("unable to prepare context")).toBe(
    "ERROR: failed to build: unable to prepare context\n",
  );
});

test("formatRawLine() has BuildKit's names", () => {
  expect(JSON.parse(formatRawLine(ended("1", 5)) ?? "")).toEqual({
    vertexes: [
      {
        digest: "1",
        name: "[1/3] RUN 1",
        started: new Date(begin).toISOString(),
        completed: new Date(begin + 5).toISOString(),
      },
    ],
  });
  expect(JSON.parse(formatRawLine(log("1", "x", 7)) ?? "")).toEqual({
    logs: [{ vertex: "1", stream: 1, data: "eA==", timestamp: new Date(begin + 7).toISOString() }],
  });
  expect(formatRawLine({ Result: { Images: [] } })).toBeUndefined();
});
