import { Failure } from "../../base/failure.ts";
import { cut, findBoolean, quote, trimSpace } from "./go-text.ts";
import { isExperimental, type LintRule } from "./lint-rules.ts";
import { findDirective } from "./parse-directive.ts";

/** Which rules run, from `# check=…` or the build argument BUILDKIT_DOCKERFILE_CHECK. */
export interface LintOptions {
  /** Names of rules that do not run. */
  readonly skip: "all" | ReadonlySet<string>;
  /** Names of experimental rules that run. */
  readonly experimental: "all" | ReadonlySet<string>;
  /** A warning fails the build. */
  readonly error: boolean;
}

/** Parses `skip=RULE,RULE;error=true;experimental=all`. Throws Failure("invalid") in BuildKit's words. */
export function parseLintOptions(text: string): LintOptions {
  let options: LintOptions = { skip: new Set(), experimental: new Set(), error: false };
  const trimmed = trimSpace(text);
  if (trimmed === "") return options;
  const [first = "", second, ...others] = trimmed.split(";");
  const parts = [
    first,
    ...(second === undefined ? [] : [second]),
    ...(others.length === 0 ? [] : [others.join(";")]),
  ];
  for (const part of parts) {
    const [written, value] = cut(part, "=");
    if (value === undefined) throw invalid(`invalid check option ${quote(part)}`);
    const name = trimSpace(written);
    if (name === "skip" || name === "experimental") options = { ...options, [name]: parseNames(value) };
    else if (name === "error") {
      const error = findBoolean(trimSpace(value));
      if (error === undefined)
        throw invalid(
          `failed to parse check option ${quote(part)}: strconv.ParseBool: parsing ${quote(trimSpace(value))}: invalid syntax`,
        );
      options = { ...options, error };
    } else throw invalid(`invalid check option ${quote(name)}`);
  }
  return options;
}

/** The options with those of a comment `# check=skip=RULE` above an instruction. */
export function withCommentOptions(options: LintOptions, comments: readonly string[]): LintOptions {
  for (const comment of comments) {
    const directive = findDirective(comment);
    if (directive?.name !== "check") continue;
    try {
      const { skip, experimental } = parseLintOptions(directive.value.split(" ", 1)[0] ?? "");
      return {
        skip: union(options.skip, skip),
        experimental: union(options.experimental, experimental),
        error: options.error,
      };
    } catch {
      return options;
    }
  }
  return options;
}

/** Whether a rule runs. */
export function runsRule({ skip, experimental }: LintOptions, rule: LintRule): boolean {
  if (isExperimental(rule)) return experimental === "all" || experimental.has(rule);
  return skip !== "all" && !skip.has(rule);
}

type Names = "all" | ReadonlySet<string>;

function parseNames(value: string): Names {
  const trimmed = trimSpace(value);
  return trimmed === "all" ? "all" : new Set(trimmed.split(",").map(trimSpace));
}

function union(one: Names, other: Names): Names {
  return one === "all" || other === "all" ? "all" : one.union(other);
}

function invalid(message: string): Failure {
  return new Failure("invalid", `failed to parse check options: ${message}`);
}
