import { expect, test } from "bun:test";
import { checkPropagation } from "../../../src/engine/resolve/propagation.ts";
import { parseMountinfo } from "../../../src/linux/mount/mountinfo.ts";

const table = parseMountinfo(
  [
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
    "2 1 0:5 / /shared rw shared:7 - tmpfs t rw",
    "3 1 0:6 / /slave rw master:7 - tmpfs t rw",
    "4 2 0:7 / /shared/private rw - tmpfs t rw",
    "5 1 0:8 / /over rw shared:9 - tmpfs t rw",
    "6 1 0:9 / /over rw - tmpfs t rw",
  ].join("\n"),
);

test.each([
  ["/shared", "rshared"],
  ["/shared/dir", "shared"],
  ["/shared", "rslave"],
  ["/slave/x", "slave"],
  ["/", "rprivate"],
  ["/over", "private"],
] as const)("checkPropagation() lets %s be %s", (source, propagation) => {
  expect(() => checkPropagation(source, propagation, table)).not.toThrow();
});

test.each([
  ["/sharedx", "shared", "path /sharedx is mounted on / but it is not a shared mount"],
  ["/slave/x", "rshared", "path /slave/x is mounted on /slave but it is not a shared mount"],
  [
    "/shared/private/y",
    "rslave",
    "path /shared/private/y is mounted on /shared/private but it is not a shared or slave mount",
  ],
  ["/over", "shared", "path /over is mounted on /over but it is not a shared mount"],
] as const)("checkPropagation() refuses %s as %s", (source, propagation, sentence) => {
  expect(() => checkPropagation(source, propagation, table)).toThrow(sentence);
});
