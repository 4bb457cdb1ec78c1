import { describe, expect, test } from "bun:test";
import { parseProcessColumns } from "../../../src/engine/resolve/process-columns.ts";
import { formatProcesses } from "../../../src/engine/resolve/process-table.ts";
import { parseProcessDetails } from "../../../src/linux/process/process-details.ts";

const process = parseProcessDetails({
  stat: "42 (evil) (\u001b[2J) S 7 42 42 34818 42 4194304 0 0 0 0 12345 5 0 0 20 -5 3 0 100000 8192000 500 184467440737",
  status: "Name:\tevil\nUid:\t1000\t33\t33\t33\nGid:\t5\t6\t6\t6\nVmRSS:\t    2000 kB\n",
  commandLine: "sleep\u0000\u001b[31m\u0000",
});
const facts = {
  nowMs: new Date(2026, 5, 15, 12, 0, 0).getTime(),
  uptimeSeconds: 1000 + 3700,
  memoryBytes: 2_048_000_0,
  users: new Map([[33, "www-data"]]),
  groups: new Map<number, string>(),
};
const titles = (options: string): string =>
  parseProcessColumns(options)
    .map(({ title }) => title)
    .join(" ");
const row = (options: string): readonly string[] | undefined =>
  formatProcesses([process], parseProcessColumns(options), facts)[0];

describe("parseProcessColumns()", () => {
  test.each([
    ["", "UID PID PPID C STIME TTY TIME CMD"],
    ["-ef", "UID PID PPID C STIME TTY TIME CMD"],
    ["-e -f", "UID PID PPID C STIME TTY TIME CMD"],
    ["aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"],
    ["-aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"],
    ["auxww", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"],
    ["ax", "PID TTY TIME CMD"],
    ["-e", "PID TTY TIME CMD"],
    ["-o pid,comm", "PID COMMAND"],
    ["-opid -o ppid=The parent", "PID The"],
    ["-eo pid,user=", "PID "],
    ["axo pid,args", "PID COMMAND"],
    ["--format=pid,%cpu", "PID %CPU"],
    ["--format pid,etime", "PID ELAPSED"],
  ])("parseProcessColumns(%p) gives %p", (options, expected) => {
    if (options.includes("The parent")) expect(() => titles(options)).toThrow('ps option "parent"');
    else expect(titles(options)).toBe(expected);
  });

  test.each([
    "--forest",
    "-L",
    "-u root",
    "auxf",
    "-o",
    "-o nonsense",
    "-p 1",
    "--sort=pid",
    "; reboot",
    "-f -Z",
  ])("parseProcessColumns(%p) is refused", (options) => {
    expect(() => parseProcessColumns(options)).toThrow(/^cannot list the processes: ps /);
  });
});

describe("formatProcesses()", () => {
  test("formatProcesses() writes cells as ps does", () => {
    expect(row("")).toEqual(["www-data", "42", "7", "3", "10:58", "pts/2", "00:02:03", "sleep ?[31m"]);
    expect(row("aux")).toEqual([
      "www-data",
      "42",
      "3.3",
      "10.0",
      "8000",
      "2000",
      "pts/2",
      "S<sl+",
      "10:58",
      "2:03",
      "sleep ?[31m",
    ]);
    expect(row("-o comm,uid,gid,group,etime,etimes,nlwp,ni,s,sid")).toEqual([
      "evil) (?[2J",
      "33",
      "6",
      "6",
      "01:01:40",
      "3700",
      "3",
      "-5",
      "S",
      "42",
    ]);
  });
});
