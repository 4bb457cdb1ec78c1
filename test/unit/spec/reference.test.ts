import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  findReference,
  formatFamiliar,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
  withTag,
} from "../../../src/spec/reference.ts";

const hex = "86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";

describe("parseReference()", () => {
  const rows: readonly (readonly [typed: string, whole: string, familiar?: string])[] = [
    ["busybox", "docker.io/library/busybox"],
    ["busybox:1.36", "docker.io/library/busybox:1.36"],
    ["docker.io/busybox", "docker.io/library/busybox", "busybox"],
    ["index.docker.io/busybox", "docker.io/library/busybox", "busybox"],
    ["index.docker.io/library/busybox:a", "docker.io/library/busybox:a", "busybox:a"],
    ["library/busybox", "docker.io/library/busybox", "busybox"],
    ["user/repo:tag", "docker.io/user/repo:tag"],
    ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
    ["localhost/repo", "localhost/repo"],
    ["localhost:5000/repo:1", "localhost:5000/repo:1"],
    ["127.0.0.1:5000/repo", "127.0.0.1:5000/repo"],
    ["[::1]:5000/repo", "[::1]:5000/repo"],
    ["[2001:db8::1]/repo", "[2001:db8::1]/repo"],
    ["HOST/repo", "HOST/repo"],
    ["ghcr.io/a/b/c:v1.0-rc.1", "ghcr.io/a/b/c:v1.0-rc.1"],
    [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`],
    [`a.b/c:1@sha256:${hex}`, `a.b/c:1@sha256:${hex}`],
    ["foo__bar/a-b--c_d.e", "docker.io/foo__bar/a-b--c_d.e"],
    [`x:${"t".repeat(128)}`, `docker.io/library/x:${"t".repeat(128)}`],
    ["xn--n3h.com/myimage", "xn--n3h.com/myimage"],
    [hex.slice(1), `docker.io/library/${hex.slice(1)}`],
  ];
  test.each(rows)("fills in %s", (typed, whole, familiar = typed) => {
    const reference = parseReference(typed);
    expect(formatReference(reference)).toBe(whole);
    expect(formatFamiliar(reference)).toBe(familiar);
    expect(parseReference(formatFamiliar(reference))).toEqual(reference);
    expect(Object.isFrozen(reference)).toBe(true);
  });

  const refused: readonly (readonly [typed: string, detail: string])[] = [
    ["", "invalid reference format: repository name must have at least one component"],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    ["Busybox", "invalid reference format: repository name (library/Busybox) must be lowercase"],
    ["user/Repo:1", "invalid reference format: repository name (user/Repo) must be lowercase"],
    [":justtag", "invalid reference format"],
    ["@sha256:abc", "invalid reference format"],
    ["repo@sha256:abc", "invalid reference format"],
    [`repo@md5:${hex}`, "invalid reference format"],
    [`repo@sha256:${hex.slice(2)}`, "invalid reference format"],
    [`repo@sha256:${hex.toUpperCase()}`, "invalid reference format"],
    [`x:${"t".repeat(129)}`, "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["a/", "invalid reference format"],
    ["/a", "invalid reference format"],
    ["-a/b", "invalid reference format"],
    ["a-/b.c", "invalid reference format"],
    ["a___b", "invalid reference format"],
    ["a..b", "invalid reference format"],
    ["a b", "invalid reference format"],
    ["a\nb", "invalid reference format"],
    ["a\n", "invalid reference format"],
    ["[fe80::1%eth0]/x", "invalid reference format"],
    ["foo__bar.com/x", "invalid reference format"],
    ["../etc/passwd", "invalid reference format"],
    ["https://a.b/c", "invalid reference format"],
    [
      `d.io/${"a".repeat(256)}`,
      "invalid reference format: repository name must not be more than 255 characters",
    ],
    ["a".repeat(100_000), "invalid reference format"],
  ];
  test.each(refused)("refuses %s", (typed, detail) => {
    const shown = typed.slice(0, 160).replaceAll(/[\n\r\t\0]/g, "?");
    expect(() => parseReference(typed)).toThrow(`cannot parse reference "${shown}": ${detail}`);
    expect(findReference(typed)).toBeUndefined();
  });

  test("answers quickly to text made to backtrack", () => {
    const start = performance.now();
    for (const text of [`${"a-".repeat(500)}!`, `${"a.".repeat(500)}/!`, `${"a/".repeat(500)}!`])
      findReference(text);
    expect(performance.now() - start).toBeLessThan(200);
  });

  test("formatReference() of what it accepts parses to the same [property]", () => {
    const piece = fc.stringMatching(/^[a-zA-Z0-9._:@/[\]-]{1,40}$/);
    fc.assert(
      fc.property(piece, (text) => {
        const reference = findReference(text);
        if (reference === undefined) return;
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(formatFamiliar(reference))).toEqual(reference);
      }),
      { numRuns: 2000 },
    );
  });
});

test("withDefaultTag() adds latest only to a bare name", () => {
  expect(formatFamiliar(withDefaultTag(parseReference("a")))).toBe("a:latest");
  expect(formatFamiliar(withDefaultTag(parseReference("a:1")))).toBe("a:1");
  const byDigest = parseReference(`a@${digestOf("x")}`);
  expect(withDefaultTag(byDigest)).toBe(byDigest);
});

test("withTag() replaces tag and digest, refuses a tag that breaks the grammar", () => {
  const reference = parseReference(`a.b/c:1@${digestOf("x")}`);
  expect(formatReference(withTag(reference, "2"))).toBe("a.b/c:2");
  expect(formatReference(repositoryOf(reference))).toBe("a.b/c");
  expect(() => withTag(reference, "-x")).toThrow("invalid tag format");
});
