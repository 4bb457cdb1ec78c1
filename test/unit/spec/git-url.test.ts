import { describe, expect, test } from "bun:test";
import { Failure } from "../../../src/base/failure.ts";
import { parseGitReference } from "../../../src/spec/git-url.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";

describe("parseGitReference()", () => {
  test.each([
    ["https://h/a/x.git", { remote: "https://h/a/x.git", transport: "https", host: "h" }],
    [
      "http://h:81/x.git#v1:docs/a",
      { remote: "http://h:81/x.git", ref: "v1", subdir: "docs/a", host: "h:81" },
    ],
    ["https://h/x.git#:docs", { ref: undefined, subdir: "docs" }],
    ["git://h/x", { remote: "git://h/x", transport: "git" }],
    ["ssh://git@h:22/x", { remote: "ssh://git@h:22/x", transport: "ssh" }],
    ["git@h.example:a/x.git#main", { remote: "git@h.example:a/x.git", transport: "ssh", ref: "main" }],
    ["https://h/x.git?tag=v1", { ref: "refs/tags/v1" }],
    ["https://h/x.git?branch=refs/heads/b&subdir=d", { ref: "refs/heads/b", subdir: "d" }],
    [`https://h/x.git?commit=${commit}`, { ref: commit, checksum: commit }],
    [`https://h/x.git?ref=v1&checksum=abc`, { ref: "v1", checksum: "abc" }],
    ["https://h/x.git?keep-git-dir&submodules=0", { keepsGitDirectory: true, submodules: false }],
    [
      "https://u%40x:p%3Aq@h/x.git",
      { remote: "https://h/x.git", credentials: { username: "u@x", password: "p:q" } },
    ],
  ])("%j is one", (text, wanted) => {
    expect(parseGitReference(text)).toMatchObject(wanted);
  });

  test.each([
    "https://h/x",
    "https://h/x.git/y",
    "x.git",
    "./x.git",
    "../git@h:x",
    "/a/x.git",
    "file:///x.git",
    "ext::sh -c id",
    "github.com/a/b",
    "ftp://h/x.git",
    "",
  ])("%j is none", (text) => {
    expect(parseGitReference(text)).toBeUndefined();
  });

  test("a context may begin with its host", () => {
    expect(parseGitReference("github.com/a/b#main", { takesHostNames: true })).toMatchObject({
      remote: "https://github.com/a/b",
      ref: "main",
    });
  });

  test.each([
    ["https://h/x.git#-x", 'invalid git reference "-x"'],
    ["https://h/x.git#a..b", 'invalid git reference "a..b"'],
    ["https://h/x.git#a b", 'invalid git reference "a b"'],
    ["https://h/x.git#a^{}", 'invalid git reference "a^{}"'],
    ["https://h/x.git#a@{1}", 'invalid git reference "a@{1}"'],
    ["https://h/x.git?ref=--output=x", 'invalid git reference "--output=x"'],
    ["https://h/x.git?ref=+a:b", "invalid git reference"],
    ["https://h/x.git?ref=a&ref=b", 'query "ref" has multiple values'],
    ["https://h/x.git?ref=", 'query "ref" has no value'],
    ["https://h/x.git?ref=a#b", 'ref conflicts: "b" vs "a"'],
    ["https://h/x.git?tag=a&branch=b", "branch conflicts with tag"],
    ["https://h/x.git?commit=xyz", "it is no commit"],
    ["https://h/x.git?keep-git-dir=maybe", 'invalid keep-git-dir value: "maybe"'],
    ["https://h/x.git?other=1", 'unexpected query "other"'],
    ["ssh://-oProxyCommand=id/x", "its host or user is no name"],
    ["ssh://-l@h/x", "its host or user is no name"],
  ])("%j can't be used", (text, message) => {
    expect(() => parseGitReference(text)).toThrow(message);
    expect(() => parseGitReference(text)).toThrow(Failure);
  });
});
