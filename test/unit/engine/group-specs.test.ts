import { expect, test } from "bun:test";
import { groupSpec } from "../../../src/engine/state/group-specs.ts";

test("groupSpec() moves members of version 0.1.0 into their groups and leaves the others", () => {
  const flat = {
    image: "busybox",
    labels: { a: "b" },
    command: ["sleep", "1"],
    env: [],
    hostname: "web",
    limits: { memoryBytes: 1 },
    received: { config: { Image: "busybox" }, hostConfig: {} },
    unknown: 1,
  };
  expect(groupSpec(flat)).toEqual({
    image: "busybox",
    labels: { a: "b" },
    process: { command: ["sleep", "1"], env: [] },
    network: { hostname: "web" },
    resources: { limits: { memoryBytes: 1 } },
    received: { config: { Image: "busybox" }, hostConfig: {} },
    unknown: 1,
  });
});
