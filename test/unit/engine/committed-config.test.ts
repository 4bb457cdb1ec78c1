import { describe, expect, test } from "bun:test";
import { mergeCommitted } from "../../../src/engine/resolve/committed-config.ts";
import type { ImageDefaults } from "../../../src/spec/image/config.ts";

const defaults: ImageDefaults = {
  user: "old",
  env: ["A=1", "B=2"],
  entrypoint: ["old"],
  cmd: ["argument"],
  workingDirectory: "/old",
  labels: { a: "1", b: "2" },
  exposedPorts: ["80/tcp"],
  volumes: ["/v"],
  onBuild: [],
};

describe("mergeCommitted()", () => {
  test("adds variables, labels, ports and volumes, and replaces the rest", () => {
    const config = {
      env: ["B=3", "C=4"],
      labels: { b: "3" },
      exposedPorts: ["80-81/tcp"],
      volumes: ["/w"],
      user: "new",
    };
    expect(mergeCommitted(defaults, config)).toEqual({
      ...defaults,
      env: ["B=3", "C=4", "A=1"],
      labels: { a: "1", b: "3" },
      exposedPorts: ["80/tcp", "81/tcp"],
      volumes: ["/v", "/w"],
      user: "new",
    });
  });

  test("keeps all when nothing is said", () => {
    expect(mergeCommitted(defaults, {})).toEqual(defaults);
  });

  test("a new entrypoint takes the old one's arguments away, unless it has its own", () => {
    expect(mergeCommitted(defaults, { entrypoint: ["new"] }).cmd).toBeUndefined();
    expect(mergeCommitted(defaults, { entrypoint: ["new"], cmd: ["x"] }).cmd).toEqual(["x"]);
    expect(mergeCommitted(defaults, { cmd: ["x"] }).entrypoint).toEqual(["old"]);
  });
});
