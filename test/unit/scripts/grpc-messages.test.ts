import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";

const reference = process.env["TARE_REFERENCE"];

test.skipIf(reference === undefined)(
  "src/daemon/buildkit/messages.ts is what the published descriptors give",
  () => {
    const { status, stderr } = spawnSync("node", ["scripts/grpc-messages.mjs", "--check"], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  },
);
