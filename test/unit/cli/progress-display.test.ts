import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import type { ProgressMessage } from "../../../src/api/types/progress.ts";
import type { OutputStream } from "../../../src/cli/context.ts";
import { displayProgress, formatLine } from "../../../src/cli/format/progress-display.ts";

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
