import { describe, expect, test } from "bun:test";
import { parseFastPathRun } from "../../../src/api/container/fast-path-request.ts";

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
    ["a flag that is not plain", { Build: "same", Words: ["-v", "/a:/b", "image"] }, "unsupported"],
    ["standard input", { Build: "same", Words: ["-i", "image"] }, "unsupported"],
    ["ports in the background", { Build: "same", Words: ["-d", "-p", "80", "image"] }, "unsupported"],
    ["words that are none", { Build: "same", Words: ["image", 1] }, "invalid"],
    ["one text", { Build: "same", Words: "image" }, "invalid"],
    ["a list", ["image"], "invalid"],
  ])("refuses %s", (_, body, kind) => {
    expect(() => parseFastPathRun(body, "same")).toThrow(expect.objectContaining({ kind }));
  });
});
