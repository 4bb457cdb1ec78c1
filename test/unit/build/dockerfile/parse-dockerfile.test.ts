import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure, isFailure } from "../../../../src/base/failure.ts";
import type { Instruction } from "../../../../src/build/dockerfile/dockerfile-types.ts";
import { parseDockerfile, parseOnbuildTrigger } from "../../../../src/build/dockerfile/parse-dockerfile.ts";

/** The one instruction of a stage. */
function parseOne(text: string): Instruction {
  const [instruction] = parseDockerfile(`FROM scratch\n${text}`).stages[0]?.instructions ?? [];
  if (instruction === undefined) throw new Error("no instruction");
  return instruction;
}

describe("parseDockerfile()", () => {
  test("reads directives, global arguments, stages and locations", () => {
    const text = `\uFEFF# syntax=docker/dockerfile:1
# Escape = \`
# check=skip=all;error=true
# not a directive
# escape=x
ARG V=1 W
# build compiles it
FROM --platform=$BUILDPLATFORM base:$V AS Build
RUN a \`
  # comment
  b

FROM build
`;
    const parsed = parseDockerfile(text);
    expect(parsed.directives).toEqual({
      syntax: "docker/dockerfile:1",
      escape: "`",
      check: "skip=all;error=true",
    });
    expect(parsed.globalArgs[0]?.args).toMatchObject([
      { name: "V", value: "1" },
      { name: "W", value: undefined },
    ]);
    expect(parsed.stages).toMatchObject([
      {
        name: "build",
        base: "base:$V",
        platform: "$BUILDPLATFORM",
        index: 0,
        comment: "compiles it",
        location: { startLine: 8, endLine: 8 },
        instructions: [
          {
            keyword: "run",
            text: "RUN a   b",
            command: { form: "shell", line: "a   b" },
            location: { startLine: 9, endLine: 11 },
          },
        ],
      },
      { base: "build", index: 1, instructions: [] },
    ]);
  });

  test.each([
    [
      "ENV a=1 b='x y' c=\"$z\"",
      { pairs: [{ name: "a", value: "1" }, { name: "b", value: "'x y'" }, { name: "c" }] },
    ],
    ["ENV a b  c", { pairs: [{ name: "a", value: "b  c", legacy: true }] }],
    ["LABEL a.b=c\\ d", { pairs: [{ name: "a.b", value: "c\\ d", legacy: false }] }],
    ['CMD ["a", "b c"]', { command: { form: "exec", words: ["a", "b c"] } }],
    ["CMD ['a']", { command: { form: "shell", line: "['a']" } }],
    ["CMD []", { command: { form: "exec", words: [] } }],
    ["ENTRYPOINT []", { keyword: "entrypoint", command: undefined }],
    [
      "COPY --from=0 --link --chown=1:2 --exclude=a --exclude=b x y /z",
      {
        keyword: "copy",
        from: "0",
        link: true,
        chown: "1:2",
        exclude: ["a", "b"],
        sources: ["x", "y"],
        target: "/z",
      },
    ],
    ['COPY ["a b", "/c"]', { sources: ["a b"], target: "/c" }],
    [
      "ADD --keep-git-dir=true --unpack=false --checksum=sha256:0 u /v",
      {
        keyword: "add",
        keepGitDir: true,
        unpack: false,
        checksum: "sha256:0",
      },
    ],
    [
      "COPY <<'A' <<-B c /d\n$x\nA\n\ty\n\tB",
      {
        sources: ["c"],
        heredocs: [
          { name: "A", content: "$x\n", expand: false },
          { name: "B", content: "y\n", expand: true, chomp: true },
        ],
      },
    ],
    ["RUN 3<<EOF cat\n a\r\nEOF\r\n", { heredocs: [{ name: "EOF", content: " a\r\n", descriptor: 3 }] }],
    [
      "RUN --mount=type=cache,target=/x --mount=type=ssh --network=none --security=insecure --device=a=b,required c",
      {
        mounts: ["type=cache,target=/x", "type=ssh"],
        network: "none",
        security: "insecure",
        devices: [{ name: "a=b", required: true }],
        command: { form: "shell", line: "c" },
      },
    ],
    [
      "HEALTHCHECK --interval=1m30s --retries=3 CMD x",
      {
        interval: 90_000,
        retries: 3,
        command: { form: "shell", line: "x" },
      },
    ],
    ["HEALTHCHECK none", { keyword: "healthcheck", interval: 0, retries: 0 }],
    ["EXPOSE 90 80/udp $P", { ports: ["$P", "80/udp", "90"] }],
    ["VOLUME a b", { paths: ["a", "b"] }],
    ['SHELL ["a", "-c"]', { words: ["a", "-c"] }],
    ["ONBUILD RUN x y", { expression: "RUN x y", trigger: { keyword: "run" } }],
    [
      "ONBUILD COPY <<E /x\na\nE",
      { expression: "COPY <<E /x\na\nE", trigger: { heredocs: [{ content: "a\n" }] } },
    ],
    ["WORKDIR a b", { path: "a b" }],
    ["STOPSIGNAL SIGKILL", { signal: "SIGKILL" }],
    ["MAINTAINER a b", { maintainer: "a b" }],
  ])("reads %j", (text, wanted) => {
    expect(parseOne(text)).toMatchObject(wanted);
  });

  const unknown = "dockerfile parse error on line 2: unknown";
  test.each([
    ["RUNN x", `${unknown} instruction: RUNN (did you mean RUN?)`],
    ["whatever x", `${unknown} instruction: whatever`],
    ["COPY --frmo=x a b", `${unknown} flag: --frmo (did you mean from?)`],
    ["COPY --link --link a b", "dockerfile parse error on line 2: duplicate flag specified: --link"],
    [
      "COPY --link=x a b",
      "dockerfile parse error on line 2: expecting boolean value for flag --link, not: x",
    ],
    ["COPY --from a b", "dockerfile parse error on line 2: missing a value on flag: --from"],
    [
      "COPY a",
      "dockerfile parse error on line 2: COPY requires at least two arguments, but only one was provided. Destination could not be determined",
    ],
    ["COPY a <<E\nE", "dockerfile parse error on line 2: COPY cannot accept a heredoc as a destination"],
    ["ENV", "dockerfile parse error on line 2: ENV requires at least one argument"],
    ["ENV a", "ENV must have two arguments"],
    ["ENV a=b c", 'Syntax error - can\'t find = in "c". Must be of the form: name=value'],
    ["ENV =b", "dockerfile parse error on line 2: ENV names can not be blank"],
    ['CMD ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"],
    ["RUN <<EOF\nx", "unterminated heredoc"],
    ["RUN --network=x y", 'dockerfile parse error on line 2: invalid network mode "x"'],
    [
      "RUN --mount=from=$x,target=/a y",
      "dockerfile parse error on line 2: 'from' doesn't support variable expansion, define alias stage instead",
    ],
    ["SHELL a", "dockerfile parse error on line 2: SHELL requires the arguments to be in JSON form"],
    [
      "HEALTHCHECK --interval=5 CMD x",
      'dockerfile parse error on line 2: time: missing unit in duration "5"',
    ],
    [
      "HEALTHCHECK --interval=1us CMD x",
      'dockerfile parse error on line 2: Interval "interval" cannot be less than 1ms',
    ],
    ["HEALTHCHECK x", 'dockerfile parse error on line 2: Unknown type "X" in HEALTHCHECK (try CMD)'],
    [
      "ONBUILD ONBUILD x",
      "dockerfile parse error on line 2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
    ],
    ["ONBUILD FROM x", "dockerfile parse error on line 2: FROM isn't allowed as an ONBUILD trigger"],
    ["FROM a b", "dockerfile parse error on line 2: FROM requires either one or three arguments"],
    [
      "FROM a AS 1b",
      'dockerfile parse error on line 2: invalid name for build stage: "1b", name can\'t start with a number or contain symbols',
    ],
  ])("refuses %j", (text, message) => {
    expect(() => parseOne(text)).toThrow(new Failure("invalid", message));
  });

  test.each([
    ["", "the Dockerfile cannot be empty"],
    ["# only\n", "file with no instructions"],
    ["ARG A\n", "dockerfile contains no stages to build"],
    ["RUN x\nFROM a\n", "no build stage in current context"],
    ["# escape=x\nFROM a", "invalid escape token 'x' does not match ` or \\"],
    ["# syntax=a\n# SYNTAX=b\nFROM a", "only one syntax parser directive can be used"],
    [`FROM ${"a".repeat(65_536)}`, "dockerfile line greater than max allowed size of 65535"],
  ])("refuses the file %.40j", (text, message) => {
    expect(() => parseDockerfile(text)).toThrow(new Failure("invalid", message));
  });

  test("reports the lines of a failure", () => {
    try {
      parseDockerfile("FROM a\n\nRUNN x \\\n  y\n");
      throw new Error("no failure");
    } catch (thrown) {
      if (!isFailure(thrown, "invalid")) throw thrown;
      expect(thrown.details).toEqual({ line: 3, endLine: 4 });
    }
  });

  test("warns of empty continuation lines", () => {
    expect(parseDockerfile("FROM a\nRUN x \\\n\n  y\n").warnings).toMatchObject([
      { rule: "NoEmptyContinuation", location: { startLine: 4, endLine: 4 } },
    ]);
  });

  test.each([
    `FROM a\nRUN x${"\r".repeat(60_000)}y\n`.repeat(30),
    `FROM a\nRUN <<${" ".repeat(60_000)}<x\n`.repeat(10),
    `FROM a\nHEALTHCHECK --interval=${"1".repeat(60_000)} CMD x\n`,
  ])("ends in a linear time for the file %.20j", (text) => {
    try {
      parseDockerfile(text);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(Failure);
    }
  });

  test("throws nothing but Failure, whatever the text is", () => {
    const piece = fc.constantFrom(
      ..."FROM a|RUN |COPY |ADD |ENV |ARG |ONBUILD |HEALTHCHECK |CMD |--from=|--mount=|<<EOF|<<-'E'|EOF|\n|\r\n|\\\n|`|\\|$|${|}|\"|'|[|]|,|=|# escape=`|# check=|# |\t| |x|--|\u0000|한".split(
        "|",
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 60 }), (pieces) => {
        for (const text of [pieces.join(""), `FROM a\n${pieces.join("")}`]) {
          try {
            for (const { instructions } of parseDockerfile(text).stages)
              for (const { location } of instructions)
                expect(location.endLine).toBeGreaterThanOrEqual(location.startLine);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Failure);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseOnbuildTrigger()", () => {
  test("reads one instruction", () => {
    expect(parseOnbuildTrigger("RUN <<E\nx\nE")).toMatchObject({
      keyword: "run",
      heredocs: [{ content: "x\n" }],
    });
  });

  test.each(["RUN a\nRUN b", "FROM x", "ONBUILD RUN x", "MAINTAINER x", "X", ""])(
    "refuses %j",
    (expression) => {
      expect(() => parseOnbuildTrigger(expression)).toThrow(Failure);
    },
  );
});
