import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("a bind whose source is a symbolic link", () => {
  let tare: Installation;
  let place: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    place = join(tare.directory, "sources");
    mkdirSync(join(place, "real/below"), { recursive: true });
    writeFileSync(join(place, "real/file"), "by name");
    symlinkSync("real", join(place, "to-directory"));
    symlinkSync("to-directory/file", join(place, "to-file"));
    symlinkSync("to-file", join(place, "to-link"));
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  for (const [name, at] of [
    ["to-directory", "/data/file"],
    ["to-file", "/data"],
    ["to-link", "/data"],
    ["to-directory/file", "/data"],
  ] as const)
    test(`is what it leads to: ${name}`, async () => {
      const mount = `type=bind,source=${join(place, name)},target=/data`;
      expect(await tare.must(["run", "--rm", "--mount", mount, "busybox", "cat", at])).toBe("by name");
    });

  test("is refused by name when that has gone since", async () => {
    symlinkSync("real/below", join(place, "gone"));
    const mount = `type=bind,source=${join(place, "gone")},target=/data`;
    const id = await tare.must(["create", "--mount", mount, "busybox", "true"]);
    rmdirSync(join(place, "real/below"));
    const refused = await tare.tare(["start", id]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(join(place, "gone"));
    expect(refused.stderr).toContain("ENOENT");
    await tare.must(["rm", id]);
  });
});
