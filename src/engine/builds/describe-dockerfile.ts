import { Failure } from "../../base/failure.ts";
import type { Dockerfile, Location } from "../../build/dockerfile/dockerfile-types.ts";
import { formatWarnings, type SourceText } from "../../build/dockerfile/format-excerpt.ts";
import { IgnorePatterns, parseIgnoreFile } from "../../build/dockerfile/ignore-patterns.ts";
import { parseLintOptions } from "../../build/dockerfile/lint-options.ts";
import { lintDockerfile, type LintWarning } from "../../build/dockerfile/lint.ts";
import { evaluateGlobalArgs, platformArgs } from "../../build/dockerfile/platform-args.ts";
import { expandWord } from "../../build/dockerfile/expand-words.ts";
import type { BuildRequest, DockerfileReport } from "../../model/builds.ts";
import { hostPlatform, parsePlatform } from "../../spec/platform.ts";

interface Described {
  readonly dockerfile: Dockerfile;
  readonly source: SourceText;
  readonly request: Pick<BuildRequest, "buildArgs" | "platforms" | "target">;
  /** Text of the ignore file. */
  readonly ignoreFile?: string | undefined;
}

/** The findings about a Dockerfile, and whether one of them has to fail the build. Throws "invalid" for wrong options. */
export function findLintWarnings({ dockerfile, request, ignoreFile }: Described): {
  readonly warnings: readonly LintWarning[];
  readonly isError: boolean;
} {
  const { buildArgs } = request;
  const written = buildArgs["BUILDKIT_DOCKERFILE_CHECK"] ?? dockerfile.directives.check ?? "";
  const options = parseLintOptions(written);
  const warnings = lintDockerfile({
    dockerfile,
    options,
    predefined: predefinedOf(request),
    buildArgs,
    ignore: ignoreFile === undefined ? undefined : new IgnorePatterns(parseIgnoreFile(ignoreFile)),
  });
  return { warnings, isError: options.error && warnings.length > 0 };
}

/** The failure of a build whose Dockerfile has `# check=error=true` and warnings. */
export function lintFailure(warnings: readonly LintWarning[]): Failure {
  const rules = [...new Set(warnings.map(({ rule }) => rule))].sort();
  return new Failure("invalid", `lint violation found for rules: ${rules.join(", ")}`);
}

/** Throws "unsupported" for a report that there is not. SPEC: the subrequests of BuildKit's front end. */
export function describeDockerfile(kind: "targets" | "lint", described: Described): DockerfileReport {
  switch (kind) {
    case "lint":
      return describeLint(described);
    case "targets":
      return describeTargets(described);
    default:
      return kind satisfies never;
  }
}

function describeLint(described: Described): DockerfileReport {
  const { source } = described;
  const { warnings } = findLintWarnings(described);
  const report = {
    warnings: warnings.map(({ rule, description, url, detail, location }) => ({
      ruleName: rule,
      description,
      url: url === "" ? undefined : url,
      detail,
      location: rangeOf(location),
    })),
    sources: [sourceInfoOf(source)],
  };
  return {
    json: JSON.stringify(report, undefined, 2),
    text: formatWarnings(source, warnings),
    statusCode: warnings.length === 0 ? 0 : 1,
  };
}

function describeTargets({ dockerfile, source, request }: Described): DockerfileReport {
  const { stages, globalArgs, directives } = dockerfile;
  const { escape } = directives;
  const values = evaluateGlobalArgs(globalArgs, predefinedOf(request), {
    buildArgs: request.buildArgs,
    escape,
  });
  const expand = (text: string): string =>
    expandWord(text, { lookup: (name) => values.get(name), escape }).text;
  const last = stages.length - 1;
  const targets = stages.map(({ name, comment, base, platform, location, index }) => ({
    name,
    default: index === last ? true : undefined,
    description: comment,
    base: expand(base),
    platform: platform === undefined ? undefined : expand(platform),
    location: rangeOf(location),
  }));
  const names = targets.map(({ name, default: isDefault }) =>
    isDefault !== true ? (name ?? "") : name === undefined ? "(default)" : `${name} (default)`,
  );
  const width = Math.max("TARGET".length, ...names.map((name) => name.length)) + 3;
  const lines = targets.map(({ description = "" }, at) => `${(names[at] ?? "").padEnd(width)}${description}`);
  return {
    json: JSON.stringify({ targets, sources: [sourceInfoOf(source)] }, undefined, 2),
    text: [`${"TARGET".padEnd(width)}DESCRIPTION`, ...lines, ""].join("\n"),
  };
}

function predefinedOf({ platforms, target, buildArgs }: Described["request"]): ReadonlyMap<string, string> {
  const [platform] = platforms;
  return platformArgs({
    build: hostPlatform(),
    target: platform === undefined ? hostPlatform() : parsePlatform(platform),
    targetStage: target,
    buildArgs,
  });
}

function rangeOf({ startLine, endLine }: Location): object {
  return { ranges: [{ start: { line: startLine }, end: { line: endLine } }] };
}

function sourceInfoOf({ name, text }: SourceText): object {
  return { filename: name, language: "Dockerfile", data: Buffer.from(text).toString("base64") };
}
