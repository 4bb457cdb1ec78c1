import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFile } from "../../../src/linux/write-file.ts";

test("writeFile() makes a file or replaces all that is in it, and says which call failed", () => {
  const directory = mkdtempSync(join(tmpdir(), "tare-write-"));
  const path = join(directory, "ü");
  const umask = process.umask(0o022);
  try {
    for (const text of ["a longer text, ü€😀", "short", ""]) {
      writeFile(path, text, { mode: 0o640 });
      expect(readFileSync(path, "utf8")).toBe(text);
      expect(statSync(path).mode & 0o777).toBe(0o640);
    }
    expect(() => writeFile(join(directory, "not", "there"), "", { mode: 0o600 })).toThrow(/openat.*ENOENT/);
    expect(() => writeFile(`${path}\0.txt`, "", { mode: 0o600 })).toThrow("NUL");
  } finally {
    process.umask(umask);
    rmSync(directory, { recursive: true });
  }
});
