import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lutimesSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  lchownSync,
} from "node:fs";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { compareLayer } from "../../src/linux/tree/tree.ts";
import { TarReader } from "../../src/spec/tar.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../src/spec/tar-writer.ts";
import { Scratch } from "../support/scratch.ts";
import { setXattr } from "../support/tar-of-files.ts";
import { isRoot } from "../support/tare.ts";
import { unpackAt } from "../support/unpack.ts";

const mtime = { seconds: 1_000_000_000, nanoseconds: 5 };
type Member = Parameters<typeof encodeTarMember>[0];

function tarWith(members: readonly Member[]): Buffer {
  const parts = members.flatMap((member) => {
    const size = member.size ?? 0;
    return [encodeTarMember({ mtime, ...member }), Buffer.alloc(size, 1), new Uint8Array(tarPadding(size))];
  });
  return Buffer.concat([...parts, encodeTarEnd()]);
}

const note = new TextEncoder().encode("note");
const layer = tarWith([
  { path: "etc/", type: "directory", mode: 0o755 },
  { path: "etc/passwd", type: "file", mode: 0o644, size: 10, uid: 3, gid: 4 },
  { path: "etc/same", type: "hardlink", linkName: "etc/passwd", mode: 0o644, uid: 3, gid: 4 },
  { path: "etc/first", type: "file", mode: 0o600, size: 3, uid: 9, xattrs: new Map([["user.note", note]]) },
  { path: "etc/last", type: "hardlink", linkName: "etc/first", mode: 0o640, uid: 5, gid: 6 },
  { path: "etc/noted", type: "file", mode: 0o600, xattrs: new Map([["user.note", note]]) },
  { path: "bin/", type: "directory", mode: 0o750 },
  { path: "bin/su", type: "file", mode: 0o4755, size: 700 },
  { path: "sbin", type: "symlink", linkName: "bin" },
  // Through a link of the layer, as some builders have it.
  { path: "sbin/init", type: "file", mode: 0o755, size: 3 },
  { path: "null", type: "character", mode: 0o666, major: 1, minor: 3 },
  { path: "pipe", type: "fifo", mode: 0o600 },
  // Twice; the first as something else; and what was below it.
  { path: "twice/", type: "directory", mode: 0o700 },
  { path: "twice/gone", type: "file", mode: 0o700 },
  { path: "twice", type: "file", mode: 0o640, size: 5 },
  { path: "etc/.wh.deleted", type: "file", mode: 0o600 },
  { path: "bin/.wh..wh..opq", type: "file", mode: 0o600 },
]);

describe.skipIf(!isRoot)("compareLayer()", () => {
  let scratch: Scratch;
  let root: string;
  beforeEach(async () => {
    scratch = new Scratch("compare");
    root = scratch.join("root");
    await unpackAt(root, layer, { names: "docker" });
  });
  afterEach(() => scratch[Symbol.dispose]());

  const compare = (archive = layer): void => {
    using directory = openDirectoryPath(root);
    const comparison = compareLayer(directory.fd);
    for (const event of new TarReader().push(archive))
      if (event.kind === "entry") comparison.add(event.entry);
    comparison.compare();
  };

  test("finds nothing in what was just unpacked", () => compare());

  /** As it was, but for what is done. */
  const within = (directory: string, change: (name: (path: string) => string) => void): void => {
    change((path) => `${root}/${path}`);
    touch(directory);
  };
  const touch = (path: string): void => {
    const args = ["-h", "-d", `@${mtime.seconds}.000000005`, `${root}/${path}`];
    expect(spawnSync("touch", args).status).toBe(0);
  };

  test.each<[wanted: string, change: () => void]>([
    ['"etc/passwd" is missing', () => within("etc", (name) => rmSync(name("etc/passwd")))],
    ['"etc/passwd" belongs to 0:4 in place of 3:4', () => lchownSync(`${root}/etc/passwd`, 0, 4)],
    ['"etc/passwd" has mode 0666 in place of 0644', () => chmodSync(`${root}/etc/passwd`, 0o666)],
    ['"etc/passwd" has 9 bytes in place of 10', () => truncateSync(`${root}/etc/passwd`, 9)],
    ['"etc/passwd" was modified at another time', () => utimesSync(`${root}/etc/passwd`, 1e9, 1e9)],
    ['"etc/first" has mode 0600 in place of 0640', () => chmodSync(`${root}/etc/first`, 0o600)],
    ['"etc" was modified at another time', () => utimesSync(`${root}/etc`, 1e9, 1e9)],
    ['"bin/su" has mode 0755 in place of 4755', () => chmodSync(`${root}/bin/su`, 0o755)],
    ['"bin" has mode 0700 in place of 0750', () => chmodSync(`${root}/bin`, 0o700)],
    [
      '"etc/noted" has another attribute "user.note"',
      () => setXattr(`${root}/etc/noted`, "user.note", "other"),
    ],
    ['"sbin" was modified at another time', () => lutimesSync(`${root}/sbin`, 1, 1)],
    ['"sbin/init" has mode 0700 in place of 0755', () => chmodSync(`${root}/bin/init`, 0o700)],
    ['"twice" has mode 0600 in place of 0640', () => chmodSync(`${root}/twice`, 0o600)],
    [
      '"sbin" points to "usr" in place of "bin"',
      () => {
        rmSync(`${root}/sbin`);
        symlinkSync("usr", `${root}/sbin`);
        touch("sbin");
      },
    ],
    [
      '"null" is a file in place of a character',
      () => {
        rmSync(`${root}/null`);
        writeFileSync(`${root}/null`, "");
      },
    ],
    [
      '"etc/same" is a symlink in place of a link to a file',
      () =>
        within("etc", (name) => {
          rmSync(name("etc/same"));
          symlinkSync("/etc/passwd", name("etc/same"));
        }),
    ],
    [
      '"etc/same" is no link to "etc/passwd" any more',
      () =>
        within("etc", (name) => {
          rmSync(name("etc/same"));
          writeFileSync(name("etc/same"), "");
        }),
    ],
  ])("says that %s", (wanted, change) => {
    change();
    expect(() => compare()).toThrow(`cannot verify it: ${wanted}`);
  });

  test("looks at nothing outside, wherever links lead", () => {
    const outside = scratch.join("outside");
    renameSync(`${root}/etc`, outside);
    symlinkSync(outside, `${root}/etc`);
    expect(() => compare()).toThrow('"etc" is a symlink in place of a directory');
    // Nor where the archive itself has such a link.
    const evil = tarWith([
      { path: "etc", type: "symlink", linkName: outside, mode: 0o777 },
      { path: "etc/passwd", type: "file", mode: 0o600, size: 1 },
    ]);
    touch("etc");
    expect(() => compare(evil)).not.toThrow();
  });
});
