import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatExcerpt, formatWarnings } from "../../../../src/build/dockerfile/format-excerpt.ts";
import { IgnorePatterns } from "../../../../src/build/dockerfile/ignore-patterns.ts";
import { lintDockerfile, type LintInput } from "../../../../src/build/dockerfile/lint.ts";
import { parseLintOptions } from "../../../../src/build/dockerfile/lint-options.ts";
import { parseDockerfile } from "../../../../src/build/dockerfile/parse-dockerfile.ts";
import { evaluateGlobalArgs, platformArgs } from "../../../../src/build/dockerfile/platform-args.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const predefined = platformArgs({ build: amd64, target: amd64 });

function lint(text: string, input: Partial<LintInput> = {}) {
  const dockerfile = parseDockerfile(text);
  const options = parseLintOptions(dockerfile.directives.check ?? "");
  return lintDockerfile({ dockerfile, options, predefined, ...input });
}

describe("lintDockerfile()", () => {
  test.each([
    ["FROM a AS Base", ["StageNameCasing: Stage name 'Base' should be lowercase (1)"]],
    ["FROM a as b", ["FromAsCasing: 'as' and 'FROM' keywords' casing do not match (1)"]],
    ["FROM a\nRUN x \\\n\n  y", ["NoEmptyContinuation: Empty continuation line (4)"]],
    [
      "FROM a\nRUN x\nrun y",
      [
        "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (3)",
      ],
    ],
    [
      "FROM a AS b\nFROM c AS b",
      ['DuplicateStageName: Duplicate stage name "b", stage names should be unique (2)'],
    ],
    [
      "FROM a AS scratch",
      ['ReservedStageName: Stage name should not use the same name as reserved stage "scratch" (1)'],
    ],
    [
      "FROM a\nCMD x",
      [
        "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (2)",
      ],
    ],
    ['FROM a\nSHELL ["x"]\nCMD x', []],
    [
      "FROM a\nMAINTAINER x",
      ["MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (2)"],
    ],
    [
      "ARG VERSION=1\nFROM a:${VERSIO}",
      [
        "InvalidDefaultArgInFrom: Default value for ARG a:${VERSIO} results in empty or invalid base image name (2)",
        "UndefinedArgInFrom: FROM argument 'VERSIO' is not declared (did you mean VERSION?) (2)",
      ],
    ],
    [
      "FROM a\nWORKDIR x\nWORKDIR y",
      ['WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes (2)'],
    ],
    [
      "FROM scratch\nENV LONG=1\nCOPY $LONGG /",
      ["UndefinedVar: Usage of undefined variable '$LONGG' (did you mean $LONG?) (3)"],
    ],
    ["FROM a\nCOPY $LONGG /", []],
    ["FROM scratch AS a\nENV A=1\nFROM a\nCOPY $A$PATH /", []],
    [
      'FROM a\nCMD ["x"]\nCMD ["y"]',
      [
        "MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used (2)",
      ],
    ],
    [
      "FROM a\nENV b c",
      ['LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (2)'],
    ],
    [
      "FROM --platform=$TARGETPLATFORM a",
      [
        "RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior (1)",
      ],
    ],
    [
      "FROM --platform=linux/arm64 a",
      [
        'FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64" (1)',
      ],
    ],
    ["FROM --platform=linux/arm64 a AS x-arm64", []],
    [
      "FROM a\nARG API_KEY\nENV TOKEN_FILE=a",
      ['SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY") (2)'],
    ],
    [
      "ARG A\nFROM $A",
      ["InvalidDefaultArgInFrom: Default value for ARG $A results in empty or invalid base image name (2)"],
    ],
    [
      "FROM a\nEXPOSE 80/TCP",
      ["ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase (2)"],
    ],
    [
      "FROM a\nEXPOSE 1.2.3.4:80:81",
      [
        "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1.2.3.4:80:81' (2)",
      ],
    ],
    ["# x y\nARG A=1\nFROM a", []],
    [
      "# check=experimental=all\n# x y\nARG A=1\nFROM a",
      ["InvalidDefinitionDescription: Comment for ARG should follow the format: `# A <description>` (3)"],
    ],
    ["# check=skip=StageNameCasing,FromAsCasing\nFROM a as Base", []],
    ["# check=skip=all\nFROM a as Base\nMAINTAINER x", []],
    ["FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER x", []],
  ])("%j gives %j", (text, wanted) => {
    expect(
      lint(text).map(({ rule, detail, location }) => `${rule}: ${detail} (${location.startLine})`),
    ).toEqual(wanted);
  });

  test("finds sources that .dockerignore excludes", () => {
    const ignore = new IgnorePatterns(["tmp", "*.log"]);
    const text = "FROM a\nCOPY ./tmp/x b.log c /d\nADD https://x/b.log /\nCOPY --from=x tmp /\nCOPY . /";
    expect(lint(text, { ignore }).map(({ detail }) => detail)).toEqual([
      'Attempting to Copy file "tmp/x" that is excluded by .dockerignore',
      'Attempting to Copy file "b.log" that is excluded by .dockerignore',
    ]);
    expect(lint(text, { ignore: new IgnorePatterns(["tmp", "!tmp/x"]) })).toEqual([]);
  });

  test("takes variables and shell of base images from its caller", () => {
    const baseFacts = () => ({ variables: new Set(["HOME"]), hasShell: true });
    expect(lint("FROM a\nUSER $HOME$NONE\nCMD x", { baseFacts }).map(({ detail }) => detail)).toEqual([
      "Usage of undefined variable '$NONE' (did you mean $HOME?)",
    ]);
  });

  test("leaves out the contents of stages that the target does not need", () => {
    expect(lint("FROM a\nCMD x\nFROM b", { reachable: new Set([1]) })).toEqual([]);
  });
});

test("lintDockerfile() accepts every file that the parser accepts", () => {
  const piece = fc.constantFrom(
    "FROM a",
    "AS b",
    "\n",
    "RUN",
    "COPY",
    "ENV",
    "ARG",
    "$A",
    "${A:-",
    "}",
    "=",
    "'",
    "x",
    "EXPOSE",
    "80/T",
    ":",
    "[",
    "..",
  );
  let linted = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        parseDockerfile(`FROM scratch\n${pieces.join(" ")}`);
      } catch {
        return;
      }
      linted++;
      lint(`FROM scratch\n${pieces.join(" ")}`, { ignore: new IgnorePatterns(["x"]) });
    }),
    { numRuns: 3000 },
  );
  expect(linted).toBeGreaterThan(0);
});

test.each([
  ["skip", 'invalid check option "skip"'],
  ["foo=1", 'invalid check option "foo"'],
  [
    "error=maybe",
    'failed to parse check option "error=maybe": strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
])("parseLintOptions() refuses %j", (text, message) => {
  expect(() => parseLintOptions(text)).toThrow(`failed to parse check options: ${message}`);
});

test("formatWarnings() prints what `docker build --check` prints", () => {
  const text = "FROM a AS base\nRUN x\nMAINTAINER y\nRUN z\n";
  expect(formatWarnings({ name: "Dockerfile", text }, lint(text))).toBe(`
WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/
Maintainer instruction is deprecated in favor of using label
Dockerfile:3
--------------------
   1 |     FROM a AS base
   2 |     RUN x
   3 | >>> MAINTAINER y
   4 |     RUN z
   5 |     
--------------------
`);
});

test("formatExcerpt() marks all lines of a location and is empty outside of the file", () => {
  const source = { name: "D", text: "1\n2\n3\n4\n5\n6" };
  expect(formatExcerpt(source, { startLine: 3, endLine: 4 })).toBe(
    "D:3\n--------------------\n   2 |     2\n   3 | >>> 3\n   4 | >>> 4\n   5 |     5\n--------------------\n",
  );
  expect(formatExcerpt(source, { startLine: 7, endLine: 7 })).toBe("");
});

test("platformArgs() and evaluateGlobalArgs() let --build-arg win", () => {
  const target = { os: "linux", architecture: "arm", variant: "v7" };
  const buildArgs = { TARGETOS: "x", B: "given" };
  const args = platformArgs({ build: amd64, target, buildArgs });
  expect(Object.fromEntries(args)).toMatchObject({
    BUILDPLATFORM: "linux/amd64",
    TARGETPLATFORM: "linux/arm/v7",
    TARGETOS: "x",
    TARGETVARIANT: "v7",
    TARGETSTAGE: "default",
  });
  const { globalArgs } = parseDockerfile("ARG A=${TARGETARCH}-$B B=1 C\nARG D=$A$B\nFROM a");
  const values = evaluateGlobalArgs(globalArgs, args, { buildArgs, escape: "\\" });
  expect([values.get("A"), values.get("B"), values.has("C"), values.get("D")]).toEqual([
    "arm-",
    "given",
    false,
    "arm-given",
  ]);
  expect(() =>
    evaluateGlobalArgs(parseDockerfile("ARG A=${X:?no}\nFROM a").globalArgs, args, { escape: "\\" }),
  ).toThrow("X: no");
});
