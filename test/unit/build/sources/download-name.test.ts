import { expect, test } from "bun:test";
import { downloadName } from "../../../../src/build/sources/download-name.ts";

test.each([
  ["http://h/a/b.txt?x=1#y", undefined, "b.txt"],
  ["http://h/a%20b", 'attachment; filename="c"', "a b"],
  ["http://h/", 'attachment; filename="c d"', "c d"],
  ["http://h/dir/", "attachment; filename=plain.txt", "plain.txt"],
  ["http://h/", "attachment; filename*=UTF-8''n%C3%A4me", "näme"],
  ["http://h/", 'attachment; filename="../../etc/passwd"', "passwd"],
  ["http://h/", 'attachment; filename=".."', "__unnamed__"],
  ["http://h/", 'attachment; filename="a\\\\b"', "b"],
  ["http://h/a%2F..", undefined, "__unnamed__"],
  ["http://h/%2e%2e%2fx", undefined, "x"],
  [`http://h/${"n".repeat(256)}`, undefined, "__unnamed__"],
  ["http://h/a%00b", undefined, "__unnamed__"],
  ["http://h", undefined, "__unnamed__"],
])("downloadName() of %s and %s is %s", (url, header, name) => {
  expect(downloadName(new URL(url), header)).toBe(name);
});
