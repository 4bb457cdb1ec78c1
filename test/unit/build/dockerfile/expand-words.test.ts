import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/failure.ts";
import { expandWord, expandWords } from "../../../../src/build/dockerfile/expand-words.ts";

const values: Readonly<Record<string, string>> = {
  PWD: "/home",
  EMPTY: "",
  PATH: "a/b/c.tar.gz",
  STARS: "foo.txt.gz",
  KOREAN: "한국어",
  MONEY: "$0",
  SPACES: "a  b",
};
const lookup = (name: string) => values[name];
const text = (word: string) => expandWord(word, { lookup }).text;

describe("expandWord()", () => {
  test.each([
    ["hello", "hello"],
    ["he'll'o", "hello"],
    [`he"ll"o`, "hello"],
    ["'$PWD'", "$PWD"],
    ['"$PWD"', "/home"],
    ["\\$PWD", "$PWD"],
    ["$PWD.x", "/home.x"],
    ["${PWD}x", "/homex"],
    ["$", "$"],
    ["$/", "$/"],
    ["$NONE.", "."],
    ["a\\b", "ab"],
    ['"a\\b"', "a\\b"],
    ['"a\\"b"', 'a"b'],
    ["a\\", "a"],
    ["${KOREAN}", "한국어"],
    ["안녕\\ 하", "안녕 하"],
    ["a  b", "a  b"],
    ["${NONE:-x}", "x"],
    ["${NONE-x}", "x"],
    ["${EMPTY:-x}", "x"],
    ["${EMPTY-x}", ""],
    ["${PWD:-x}", "/home"],
    ["${NONE:+x}", ""],
    ["${EMPTY:+x}", ""],
    ["${EMPTY+x}", "x"],
    ["${PWD:+${PWD}/x}", "/home/x"],
    ["${NONE:-${PWD}'}'}", "/home}"],
    ["${PWD:?x}", "/home"],
    ["${EMPTY?x}", ""],
    ["${PATH#*/}", "b/c.tar.gz"],
    ["${PATH##*/}", "c.tar.gz"],
    ["${PATH%.*}", "a/b/c.tar"],
    ["${PATH%%.*}", "a/b/c"],
    ["${PATH%/?.tar.gz}", "a/b"],
    ["${PATH#x}", "a/b/c.tar.gz"],
    ["${PATH/\\//-}", "a-b/c.tar.gz"],
    ["${PATH//\\//-}", "a-b-c.tar.gz"],
    ["${PATH/a*t/X}", "Xar.gz"],
    ["${STARS//?/x}", "xxxxxxxxxx"],
    ["${STARS//o/}", "f.txt.gz"],
    ["${STARS//./$MONEY}", "foo.txt.gz"],
    ["${NONE//a/b}", ""],
  ])("%j gives %j", (word, wanted) => {
    expect(text(word)).toBe(wanted);
  });

  test.each([
    ["${", "syntax error: missing '}'"],
    ["${PWD", "unsupported modifier (\uFFFD) in substitution"],
    ["${PWD:-x", "syntax error: missing '}'"],
    ["${}", "syntax error: bad substitution"],
    ["${:}", "syntax error: bad substitution"],
    ["${PWD:#x}", "unsupported modifier (:#) in substitution"],
    ["${PWD:=x}", "unsupported modifier (:=) in substitution"],
    ["${NONE?}", "NONE: is not allowed to be unset"],
    ["${EMPTY:?}", "EMPTY: is not allowed to be empty"],
    ["${NONE:?set it}", "NONE: set it"],
    ["'a", "unexpected end of statement while looking for matching single-quote"],
    ['"a', "unexpected end of statement while looking for matching double-quote"],
    ["${PWD#\\a}", "invalid pattern (\\a) in substitution: invalid escape '\\a'"],
    ["${PWD/a}", "syntax error: missing '/' in ${}"],
  ])("refuses %j", (word, reason) => {
    expect(() => text(word)).toThrow(
      new Failure("invalid", `failed to process ${JSON.stringify(word)}: ${reason}`),
    );
  });

  test("reports the names that are set and those that are not", () => {
    const { used, unmatched } = expandWord("$PWD ${NONE:-$OTHER} '$QUOTED'", { lookup });
    expect([...used]).toEqual(["PWD"]);
    expect([...unmatched]).toEqual(["OTHER", "NONE"]);
  });

  test("takes the backtick as escape character", () => {
    expect(expandWord("C:\\x`$PWD", { lookup, escape: "`" }).text).toBe("C:\\x$PWD");
  });

  test("leaves quotes in contents of here-documents", () => {
    expect(expandWord(`"$PWD" 'it`, { lookup, ignoreQuotes: true }).text).toBe(`"/home" 'it`);
  });

  test("refuses results and nestings without an end", () => {
    const long = "x".repeat(600_000);
    expect(() => expandWord("$a$a", { lookup: () => long })).toThrow("longer than");
    expect(() => expandWord("${a//?/$a}", { lookup: () => "x".repeat(5000) })).toThrow("longer than");
    expect(() => expandWord("${a:-".repeat(5000), { lookup })).toThrow("nested too deeply");
    expect(() => expandWord(`\${a//${"*a".repeat(5000)}b/}`, { lookup: () => long })).toThrow(
      "too long for the value",
    );
  });
});

test("expandWord() throws nothing but Failure, whatever the word is", () => {
  const piece = fc.constantFrom(
    ..."$,${,},:-,:+,:?,#,##,%,%%,/,//,\\,',\",*,?,a,PATH,EMPTY,NONE,<<, ,`,한".split(","),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        expandWord(pieces.join(""), { lookup });
        expandWords(pieces.join(""), { lookup, keepUnset: true, keepQuotes: true, keepEscapes: true });
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Failure);
      }
    }),
    { numRuns: 5000 },
  );
});

describe("expandWords()", () => {
  test.each([
    ["a $SPACES c", ["a", "a", "b", "c"]],
    ['"$SPACES"', ["a  b"]],
    ["80${NONE:-90}", ["8090"]],
    ["a\\ b c", ["a b", "c"]],
    ["  ", []],
  ])("%j gives %j", (word, wanted) => {
    expect(expandWords(word, { lookup })).toEqual(wanted);
  });
});
