import { describe, expect, test } from "bun:test";
import { formatCommitConfig, parseCommitConfig } from "../../../src/api/image/commit-request.ts";

describe("parseCommitConfig()", () => {
  test("takes what an image can have, and nothing of what is empty", () => {
    const body = {
      User: "1:2",
      Env: ["A=1"],
      Cmd: "one",
      Entrypoint: ["sh", "-c"],
      WorkingDir: "",
      Labels: { a: "b" },
      ExposedPorts: { "80/tcp": {} },
      Volumes: {},
      OnBuild: null,
      Hostname: "of the container",
      Tty: true,
    };
    expect(parseCommitConfig(body)).toEqual({
      user: "1:2",
      env: ["A=1"],
      cmd: ["one"],
      entrypoint: ["sh", "-c"],
      labels: { a: "b" },
      exposedPorts: ["80/tcp"],
    });
  });

  test.each([undefined, null, {}])("%j says nothing", (body) => {
    expect(parseCommitConfig(body)).toEqual({});
  });

  test.each([
    [{ Env: "A=1" }, "Env"],
    [{ Labels: ["a"] }, "Labels"],
    [[], ""],
  ])("%j is refused by name", (body, name) => {
    expect(() => parseCommitConfig(body)).toThrow(name);
  });
});

test("formatCommitConfig() is the way back", () => {
  const config = {
    user: "1",
    volumes: ["/a"],
    exposedPorts: ["80/tcp"],
    shell: ["sh"],
    stopSignal: "SIGINT",
  };
  expect(parseCommitConfig(formatCommitConfig(config))).toEqual(config);
  expect(formatCommitConfig({})).toBeUndefined();
});
