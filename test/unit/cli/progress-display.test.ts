import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import type { ProgressMessage } from "../../../src/api/types/progress.ts";
import type { OutputStream } from "../../../src/cli/context.ts";
import { displayProgress } from "../../../src/cli/format/progress-display.ts";
import { formatLine } from "../../../src/cli/format/progress-line.ts";

async function display(messages: readonly ProgressMessage[], terminal: object): Promise<string> {
  const out = Object.assign(new PassThrough(), terminal) as OutputStream & PassThrough;
  let text = "";
  out.on("data", (piece) => (text += String(piece)));
  await displayProgress(
    (async function* () {
      yield* messages;
    })(),
    out,
  );
  out.end();
  await new Promise((resolve) => out.once("end", resolve));
  return text;
}

const loading = (id: string, current: number): ProgressMessage => ({
  id,
  status: "Loading layer",
  progressDetail: { current, total: 100 },
});

describe("displayProgress()", () => {
  test("gives each id a line of a terminal and writes over it", async () => {
    const text = await display(
      [loading("aa", 0), loading("bb", 50), loading("aa", 100), { stream: "Loaded image: x\n" }],
      {
        isTTY: true,
        columns: 100,
      },
    );
    const [first = "", second = "", ...rest] = text.split("\n");
    expect(first).toStartWith("aa: Loading layer [>");
    expect(second).toStartWith("bb: Loading layer [=========================>");
    expect(rest.join("\n")).toStartWith(
      "\x1b[2A\r\x1b[2Kaa: Loading layer [==================================================]  100B/100B\r\x1b[2B",
    );
    expect(rest.join("\n")).toEndWith("Loaded image: x\n");
  });

  test("prints what is final, and no bars, where there is no terminal", async () => {
    const messages = [
      loading("aa", 0),
      { id: "aa", status: "Already exists" },
      { status: "sha256:11" },
      { stream: "Loaded image: x\n" },
    ];
    expect(await display(messages, {})).toBe("aa: Already exists\nsha256:11\nLoaded image: x\n");
  });

  test("throws the failure that a message tells of", async () => {
    await expect(display([{ error: "old form" }], {})).rejects.toThrow("old form");
    await expect(display([{ errorDetail: { message: "new form" }, error: "old form" }], {})).rejects.toThrow(
      "new form",
    );
  });
});

/** What a terminal of so many rows shows in the end, the line of the cursor included. */
function screenOf(text: string, rows: number): readonly string[] {
  const screen = [""];
  let row = 0;
  for (const [part] of text.matchAll(/\x1b\[(\d+)?[ABK]|\r|\n|[^\x1b\r\n]+/g)) {
    const count = Number(/\d+/.exec(part)?.[0] ?? 1);
    // A cursor stops at the edge of the screen.
    if (part.endsWith("A") && part.startsWith("\x1b")) row = Math.max(screen.length - rows, 0, row - count);
    else if (part.endsWith("B") && part.startsWith("\x1b")) row = Math.min(screen.length - 1, row + count);
    else if (part.startsWith("\x1b")) screen[row] = "";
    else if (part === "\n") {
      row += 1;
      if (row === screen.length) screen.push("");
    } else if (part !== "\r") screen[row] = part;
  }
  return screen.slice(-rows);
}

describe("displayProgress() of more layers than the terminal has rows", () => {
  const waiting = (id: string): ProgressMessage => ({ id, status: "Waiting" });
  const ids = ["aa", "bb", "cc", "dd", "ee", "ff", "gg"];
  const messages = [
    ...ids.map(waiting),
    loading("bb", 10),
    loading("gg", 20),
    { id: "bb", status: "Complete" },
    loading("gg", 70),
  ];

  test("shows those under way, then those that wait, and how many more there are", async () => {
    const shown = screenOf(await display(messages, { isTTY: true, columns: 40, rows: 5 }), 5);
    expect(shown).toEqual(["aa: Waiting", "cc: Waiting", "gg: Loading layer 70B/100B", "and 4 more", ""]);
  });

  test("shows all where they fit, each in its line", async () => {
    const shown = screenOf(await display(messages, { isTTY: true, columns: 40, rows: 8 }), 8);
    expect(shown).toEqual([
      "aa: Waiting",
      "bb: Complete",
      "cc: Waiting",
      "dd: Waiting",
      "ee: Waiting",
      "ff: Waiting",
      "gg: Loading layer 70B/100B",
      "",
    ]);
  });

  test("shows whole lines on a terminal that does not know its size", async () => {
    const text = await display([waiting("aa"), { status: "Digest: x" }], {
      isTTY: true,
      columns: 0,
      rows: 0,
    });
    expect(screenOf(text, 4)).toEqual(["aa: Waiting", "Digest: x", ""]);
  });

  test("leaves what was said besides in its place", async () => {
    const text = await display([...messages, { status: "Digest: x" }], { isTTY: true, columns: 40, rows: 4 });
    expect(screenOf(text, 4)).toEqual(["gg: Loading layer 70B/100B", "and 5 more", "Digest: x", ""]);
  });
});

describe("formatLine()", () => {
  test.each<[ProgressMessage, number, string]>([
    [loading("aa", 50), 40, "aa: Loading layer 50B/100B"],
    [
      { id: "aa", status: "Loading layer", progressDetail: { current: 2_000_000 } },
      80,
      "aa: Loading layer 2MB",
    ],
    [{ id: "aa", status: "a very long status" }, 10, "aa: a ver"],
    [loading("aa", 1000), 100, `aa: Loading layer [${"=".repeat(50)}]  1kB/100B`],
  ])("of %p within %p columns", (message, columns, wanted) =>
    expect(formatLine(message, columns)).toBe(wanted),
  );
});
