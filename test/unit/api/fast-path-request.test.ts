import { describe, expect, test } from "bun:test";
import {
  parseCommandRequest,
  parseFastPathExec,
  parseFastPathLogs,
  parseFastPathRun,
} from "../../../src/api/container/fast-path-request.ts";

describe("parseFastPathRun()", () => {
  test("reads the words of a run", () => {
    const words = ["--rm", "-e", "A=b", "-p", "80", "image", "--rm", "-x"];
    expect(parseFastPathRun({ Build: "same", Words: words }, "same")).toMatchObject({
      rm: true,
      env: ["A=b"],
      publish: ["80"],
      image: "image",
      command: ["--rm", "-x"],
    });
    const typed = { Build: "same", Words: ["-it", "image"], Rows: 33, Columns: 99, Typed: true };
    expect(parseFastPathRun(typed, "same")).toMatchObject({ tty: true, consoleSize: [33, 99] });
    expect(parseFastPathRun({ Build: "same", Words: ["-dit", "image"] }, "same").tty).toBe(true);
    expect(parseFastPathRun({ Build: "same", Words: ["-d", "image"] }, "same")).toMatchObject({
      detach: true,
    });
  });

  test.each<[string, unknown, string]>([
    ["no body", undefined, "conflict"],
    ["no build", { Words: ["image"] }, "conflict"],
    ["another build", { Build: "other", Words: ["image"] }, "conflict"],
    ["no words", { Build: "same" }, "unsupported"],
    ["no image", { Build: "same", Words: ["--rm"] }, "unsupported"],
    ["a flag that is not plain", { Build: "same", Words: ["-m", "1g", "image"] }, "unsupported"],
    [
      "ports in the background of a terminal",
      { Build: "same", Words: ["-d", "-p", "80", "image"], Columns: 80 },
      "unsupported",
    ],
    ["input of a terminal that is not typed", { Build: "same", Words: ["-it", "image"] }, "unsupported"],
    ["words that are none", { Build: "same", Words: ["image", 1] }, "invalid"],
    ["too many rows", { Build: "same", Words: ["image"], Rows: 65_536, Columns: 80 }, "invalid"],
    ["one text", { Build: "same", Words: "image" }, "invalid"],
    ["a list", ["image"], "invalid"],
  ])("refuses %s", (_, body, kind) => {
    expect(() => parseFastPathRun(body, "same")).toThrow(expect.objectContaining({ kind }));
  });
});

describe("parseFastPathExec()", () => {
  test("reads the words of an execution", () => {
    const words = ["-i", "-e", "A=b", "--user=5", "-w", "/tmp", "web", "cat", "-i"];
    expect(parseFastPathExec({ Build: "same", Words: words }, "same")).toEqual({
      interactive: true,
      privileged: false,
      tty: false,
      consoleSize: undefined,
      env: ["A=b"],
      user: "5",
      workdir: "/tmp",
      container: "web",
      command: ["cat", "-i"],
    });
  });

  test.each<[string, unknown, string]>([
    ["another build", { Build: "other", Words: ["web", "true"] }, "conflict"],
    ["no command", { Build: "same", Words: ["web"] }, "unsupported"],
    ["no container", { Build: "same", Words: ["-i"] }, "unsupported"],
    ["input of a terminal that is not typed", { Build: "same", Words: ["-it", "web", "sh"] }, "unsupported"],
    ["a value in the word of its flag", { Build: "same", Words: ["-unobody", "web", "sh"] }, "unsupported"],
    ["a variable of the command line's", { Build: "same", Words: ["-e", "A", "web", "sh"] }, "unsupported"],
    ["a file", { Build: "same", Words: ["--env-file", "/etc/shadow", "web", "sh"] }, "unsupported"],
    ["dashes", { Build: "same", Words: ["--", "web", "sh"] }, "unsupported"],
    ["words that are none", { Build: "same", Words: ["web", 1] }, "invalid"],
  ])("refuses %s", (_, body, kind) => {
    expect(() => parseFastPathExec(body, "same")).toThrow(expect.objectContaining({ kind }));
  });
});

describe("parseCommandRequest()", () => {
  test("reads words, and how wide the terminal is", () => {
    const body = { Build: "same", Words: ["ps", "-a"], Columns: 132 };
    expect(parseCommandRequest(body, "same")).toEqual({ words: ["ps", "-a"], columns: 132 });
    expect(parseCommandRequest({ Build: "same" }, "same")).toEqual({ words: [], columns: 0 });
  });

  test.each<[string, unknown, string]>([
    ["another build", { Build: "other", Words: ["ps"] }, "conflict"],
    ["a width below zero", { Build: "same", Words: ["ps"], Columns: -1 }, "invalid"],
    ["a width that no terminal has", { Build: "same", Words: ["ps"], Columns: 65_536 }, "invalid"],
    ["a width that is no number", { Build: "same", Words: ["ps"], Columns: "wide" }, "invalid"],
  ])("refuses %s", (_, body, kind) => {
    expect(() => parseCommandRequest(body, "same")).toThrow(expect.objectContaining({ kind }));
  });
});

test.each<[readonly string[]]>([
  [[]],
  [["-f"]],
  [["web", "-f"]],
  [["web", "db"]],
  [["-fn5", "web"]],
  [["--since", "1h", "web"]],
  [["--follow=false", "web"]],
])("parseFastPathLogs() leaves %j to the client", (words) => {
  expect(() => parseFastPathLogs({ Build: "same", Words: words }, "same")).toThrow(
    expect.objectContaining({ kind: "unsupported" }),
  );
});
