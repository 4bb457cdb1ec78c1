import { findReference } from "../../spec/reference.ts";
import type { Dockerfile, FromInstruction, Instruction, Location, Stage } from "./dockerfile-types.ts";
import { type ExpandedWord, expandWord, expandWords } from "./expand-words.ts";
import { quote } from "./go-text.ts";
import { cleanPath, type IgnorePatterns } from "./ignore-patterns.ts";
import { type LintOptions, runsRule, withCommentOptions } from "./lint-options.ts";
import { type LintRule, lintRules, ruleUrl } from "./lint-rules.ts";
import { builderArgs, evaluateGlobalArgs } from "./platform-args.ts";
import { didYouMean } from "./suggest-name.ts";

export interface LintWarning {
  readonly rule: LintRule;
  readonly description: string;
  readonly url: string;
  readonly detail: string;
  readonly location: Location;
}

/** What a stage begins with; undefined members are not known, and rules that need them do not run. */
export interface BaseFacts {
  /** Names of the variables of the base image. */
  readonly variables?: ReadonlySet<string> | undefined;
  /** The base image sets a SHELL. */
  readonly hasShell?: boolean | undefined;
}

export interface LintInput {
  readonly dockerfile: Dockerfile;
  readonly options: LintOptions;
  /** Predefined arguments (`platformArgs()`). */
  readonly predefined: ReadonlyMap<string, string>;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Stages that the target needs; all without it. Rules about the contents of other stages do not run. */
  readonly reachable?: ReadonlySet<number> | undefined;
  /** Facts of a stage's base image; not called for a stage that begins with another stage. */
  readonly baseFacts?: ((stage: Stage) => BaseFacts) | undefined;
  readonly ignore?: IgnorePatterns | undefined;
}

/** Warnings of all rules that the input decides, in the order in which BuildKit runs them. */
export function lintDockerfile(input: LintInput): readonly LintWarning[] {
  return new Linter(input).run();
}

const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const publicName = /(?:_|^)(?:public|file|version)(?:_|$)/i;
const reservedNames: ReadonlySet<string> = new Set(["context", "scratch"]);

/** State of a stage while its instructions are visited. */
interface StageState {
  /** Names that are set; undefined where the base image's are not known. */
  readonly variables: Map<string, string> | undefined;
  readonly args: Set<string>;
  hasShell: boolean | undefined;
  hasWorkdir: boolean;
  readonly last: Map<string, Location>;
}

class Linter {
  readonly #input: LintInput;
  readonly #warnings: LintWarning[] = [];
  readonly #states = new Map<number, StageState>();

  constructor(input: LintInput) {
    this.#input = input;
  }

  run(): readonly LintWarning[] {
    const { dockerfile, reachable } = this.#input;
    for (const { rule, detail, location } of dockerfile.warnings) this.#warn(rule, detail, { location });
    for (const instruction of dockerfile.globalArgs) this.#checkWritten(instruction);
    for (const stage of dockerfile.stages) {
      this.#checkFrom(stage.from);
      for (const instruction of stage.instructions) this.#checkWritten(instruction);
    }
    this.#checkStageNames();
    this.#checkCasing();
    this.#checkDefaultBases();
    for (const stage of dockerfile.stages) this.#checkExpandedFrom(stage);
    for (const stage of dockerfile.stages)
      if (reachable === undefined || reachable.has(stage.index)) this.#checkStage(stage);
    return this.#warnings;
  }

  #warn(
    rule: LintRule,
    detail: string,
    { location, comments = [] }: { readonly location: Location; readonly comments?: readonly string[] },
  ): void {
    if (!runsRule(withCommentOptions(this.#input.options, comments), rule)) return;
    const { description } = lintRules[rule];
    this.#warnings.push({ rule, description, url: ruleUrl(rule), detail, location });
  }

  #checkFrom(from: FromInstruction): void {
    const { writtenName, writtenAs, written, name } = from;
    if (writtenName !== undefined && writtenName !== name)
      this.#warn("StageNameCasing", `Stage name '${writtenName}' should be lowercase`, from);
    if (writtenAs !== undefined && isConsistent(written)) {
      const wanted = written === written.toLowerCase() ? writtenAs.toLowerCase() : writtenAs.toUpperCase();
      if (writtenAs !== wanted)
        this.#warn("FromAsCasing", `'${writtenAs}' and '${written}' keywords' casing do not match`, from);
    }
    if (name !== undefined) this.#checkDescription("FROM", [name], from);
  }

  /** Rules that need no more than the instruction's text. */
  #checkWritten(instruction: Instruction): void {
    if (instruction.keyword === "maintainer")
      this.#warn(
        "MaintainerDeprecated",
        "Maintainer instruction is deprecated in favor of using label",
        instruction,
      );
    if (instruction.keyword === "arg")
      this.#checkDescription(
        "ARG",
        instruction.args.map(({ name }) => name),
        instruction,
      );
  }

  #checkDescription(
    keyword: string,
    names: readonly string[],
    instruction: { readonly location: Location; readonly comments: readonly string[] },
  ): void {
    const [first = ""] = instruction.comments.at(-1)?.split(" ") ?? [];
    if (instruction.comments.length === 0 || names.includes(first)) return;
    const name = names.length > 1 ? "<arg_key>" : names[0];
    const detail = `Comment for ${keyword} should follow the format: \`# ${name} <description>\``;
    this.#warn("InvalidDefinitionDescription", detail, instruction);
  }

  #checkStageNames(): void {
    const seen = new Set<string>();
    for (const { name, location } of this.#input.dockerfile.stages) {
      if (name === undefined) continue;
      if (reservedNames.has(name))
        this.#warn(
          "ReservedStageName",
          `Stage name should not use the same name as reserved stage ${quote(name)}`,
          { location },
        );
      if (seen.has(name))
        this.#warn(
          "DuplicateStageName",
          `Duplicate stage name ${quote(name)}, stage names should be unique`,
          { location },
        );
      seen.add(name);
    }
  }

  #checkCasing(): void {
    const all = this.#input.dockerfile.stages.flatMap((stage) => [stage.from, ...stage.instructions]);
    const consistent = all.filter(({ written }) => isConsistent(written));
    const lower = consistent.filter(({ written }) => written === written.toLowerCase()).length;
    const wantsLower = lower > consistent.length - lower;
    for (const { written, location } of all) {
      if (written === (wantsLower ? written.toLowerCase() : written.toUpperCase())) continue;
      const casing = wantsLower ? "lowercase" : "uppercase";
      const detail = `Command '${written}' should match the case of the command majority (${casing})`;
      this.#warn("ConsistentInstructionCasing", detail, { location });
    }
  }

  #globalArgs(buildArgs: Readonly<Record<string, string>>): ReadonlyMap<string, string> | undefined {
    const { dockerfile, predefined } = this.#input;
    try {
      return evaluateGlobalArgs(dockerfile.globalArgs, predefined, {
        buildArgs,
        escape: dockerfile.directives.escape,
      });
    } catch {
      // The build reports it.
      return undefined;
    }
  }

  #checkDefaultBases(): void {
    const args = this.#globalArgs({});
    if (args === undefined) return;
    for (const { base, location } of this.#input.dockerfile.stages) {
      const expanded = this.#expand(base, (name) => args.get(name));
      if (expanded === undefined) return;
      if (findReference(expanded.text) === undefined)
        this.#warn(
          "InvalidDefaultArgInFrom",
          `Default value for ARG ${base} results in empty or invalid base image name`,
          { location },
        );
    }
  }

  #checkExpandedFrom({ base, platform, name = "", location, from }: Stage): void {
    const args = this.#globalArgs(this.#input.buildArgs ?? {});
    if (args === undefined) return;
    const lookup = (variable: string) => args.get(variable);
    const declarations = this.#input.dockerfile.globalArgs.flatMap((instruction) => instruction.args);
    const declared = new Set([...args.keys(), ...declarations.map((arg) => arg.name)]);
    const expandedPlatform = platform === undefined ? undefined : this.#expand(platform, lookup);
    for (const expanded of [this.#expand(base, lookup), expandedPlatform]) {
      for (const variable of expanded?.unmatched ?? []) {
        if (declared.has(variable)) continue;
        const detail = `FROM argument '${variable}' is not declared${didYouMean(variable, declared)}`;
        this.#warn("UndefinedArgInFrom", detail, from);
      }
    }
    if (platform === undefined || expandedPlatform === undefined) return;
    const { text, used, unmatched } = expandedPlatform;
    if (
      used.size === 1 &&
      unmatched.size === 0 &&
      used.has("TARGETPLATFORM") &&
      text === args.get("TARGETPLATFORM")
    )
      this.#warn(
        "RedundantTargetPlatform",
        `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
        { location, comments: from.comments },
      );
    const [os = "", architecture = os] = text.split("/");
    if (
      used.size === 0 &&
      unmatched.size === 0 &&
      text !== "" &&
      !name.includes(os) &&
      !name.includes(architecture)
    )
      this.#warn(
        "FromPlatformFlagConstDisallowed",
        `FROM --platform flag should not use constant value ${quote(text)}`,
        from,
      );
  }

  /** The word with values; undefined where that fails: the build reports it. */
  #expand(word: string, lookup: (name: string) => string | undefined): ExpandedWord | undefined {
    try {
      return expandWord(word, { lookup, escape: this.#input.dockerfile.directives.escape });
    } catch {
      return undefined;
    }
  }

  #checkStage(stage: Stage): void {
    const state = this.#beginState(stage);
    this.#states.set(stage.index, state);
    for (const instruction of stage.instructions) this.#checkInstruction(instruction, state);
  }

  #beginState(stage: Stage): StageState {
    const { dockerfile, baseFacts } = this.#input;
    const parent = dockerfile.stages.findLast(
      ({ index, name }) => index < stage.index && name === stage.base.toLowerCase(),
    );
    const inherited = parent === undefined ? undefined : this.#states.get(parent.index);
    const common = { args: new Set<string>(), last: new Map<string, Location>() };
    if (inherited !== undefined) {
      const { variables, args, hasShell, hasWorkdir } = inherited;
      const kept = variables === undefined ? undefined : [...variables].filter(([name]) => !args.has(name));
      return { ...common, variables: kept === undefined ? undefined : new Map(kept), hasShell, hasWorkdir };
    }
    const isScratch = stage.base === "scratch";
    const facts = isScratch ? { variables: new Set<string>(), hasShell: false } : (baseFacts?.(stage) ?? {});
    const names = facts.variables;
    const variables =
      names === undefined
        ? undefined
        : new Map([["PATH", ""], ...[...names].map((name) => [name, ""] as const)]);
    return { ...common, variables, hasShell: facts.hasShell, hasWorkdir: false };
  }

  #checkInstruction(instruction: Instruction, state: StageState): void {
    for (const word of expandedWords(instruction)) this.#checkVariables(word, instruction, state);
    const upper = instruction.written;
    switch (instruction.keyword) {
      case "env":
      case "label":
        for (const { name, legacy } of instruction.pairs) {
          if (legacy)
            this.#warn(
              "LegacyKeyValueFormat",
              `"${upper} key=value" should be used instead of legacy "${upper} key value" format`,
              instruction,
            );
          if (instruction.keyword !== "env") continue;
          this.#checkSecret("ENV", name, instruction);
          state.variables?.set(name, "");
          state.args.delete(name);
        }
        return;
      case "arg":
        for (const { name } of instruction.args) {
          this.#checkSecret("ARG", name, instruction);
          state.args.add(name);
        }
        return;
      case "cmd":
      case "entrypoint":
      case "healthcheck":
        this.#checkUsedOnce(instruction, state);
        if (
          instruction.keyword !== "healthcheck" &&
          instruction.command?.form === "shell" &&
          state.hasShell !== true
        )
          this.#warn(
            "JSONArgsRecommended",
            `JSON arguments recommended for ${upper} to prevent unintended behavior related to OS signals`,
            instruction,
          );
        return;
      case "shell":
        state.hasShell = true;
        return;
      case "workdir":
        this.#checkWorkdir(instruction, state);
        return;
      case "expose":
        for (const port of instruction.ports) this.#checkPort(port, instruction);
        return;
      case "copy":
      case "add":
        if (instruction.keyword === "add" || instruction.from === undefined || instruction.from === "")
          for (const source of instruction.sources) this.#checkIgnored(source, instruction);
        return;
      default:
        return;
    }
  }

  #checkVariables(word: string, instruction: Instruction, { variables, args }: StageState): void {
    if (variables === undefined) return;
    const expanded = this.#expand(word, (name) => variables.get(name));
    for (const name of expanded?.unmatched ?? []) {
      if (args.has(name) || builderArgs.has(name)) continue;
      const match = didYouMean(name, [...variables.keys(), ...args]).replace("mean ", "mean $");
      this.#warn("UndefinedVar", `Usage of undefined variable '$${name}'${match}`, instruction);
    }
  }

  #checkSecret(keyword: string, name: string, instruction: Instruction): void {
    if (!secretName.test(name) || publicName.test(name)) return;
    const detail = `Do not use ARG or ENV instructions for sensitive data (${keyword} ${quote(name)})`;
    this.#warn("SecretsUsedInArgOrEnv", detail, instruction);
  }

  /** The warning is about the earlier instruction: it has no effect. */
  #checkUsedOnce(instruction: Instruction, { last }: StageState): void {
    const { keyword, written, location, comments } = instruction;
    const earlier = last.get(keyword);
    last.set(keyword, location);
    if (earlier === undefined) return;
    const detail = `Multiple ${written} instructions should not be used in the same stage because only the last one will be used`;
    this.#warn("MultipleInstructionsDisallowed", detail, { location: earlier, comments });
  }

  #checkWorkdir(instruction: Extract<Instruction, { keyword: "workdir" }>, state: StageState): void {
    const path =
      this.#expand(instruction.path, (name) => state.variables?.get(name))?.text ?? instruction.path;
    // The value of a variable is not known here.
    const isUnknown = instruction.path.trimStart().startsWith("$");
    if (!state.hasWorkdir && !isUnknown && !path.startsWith("/"))
      this.#warn(
        "WorkdirRelativePath",
        `Relative workdir ${quote(path)} can have unexpected results if the base image changes`,
        instruction,
      );
    state.hasWorkdir = true;
  }

  #checkPort(port: string, instruction: Instruction): void {
    for (const word of splitPorts(port)) {
      const protocol = word.slice(word.lastIndexOf(":") + 1).split("/")[1] ?? "";
      if (protocol !== protocol.toLowerCase())
        this.#warn(
          "ExposeProtoCasing",
          `Defined protocol '${word}' in EXPOSE instruction should be lowercase`,
          instruction,
        );
      if (word.includes(":") && !word.startsWith(":"))
        this.#warn(
          "ExposeInvalidFormat",
          `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
          instruction,
        );
    }
  }

  #checkIgnored(source: string, instruction: Extract<Instruction, { keyword: "copy" | "add" }>): void {
    const { ignore } = this.#input;
    if (ignore === undefined || ignore.hasExceptions || /^(https?|git):\/\//.test(source)) return;
    const path = cleanPath(source);
    if ((path === "." || path === "/") && !ignore.ignoresRoot) return;
    if (!ignore.matches(path)) return;
    const verb = instruction.keyword === "add" ? "Add" : "Copy";
    this.#warn(
      "CopyIgnoredFile",
      `Attempting to ${verb} file ${quote(path)} that is excluded by .dockerignore`,
      instruction,
    );
  }
}

function isConsistent(written: string): boolean {
  return written === written.toLowerCase() || written === written.toUpperCase();
}

/** Ports without variables, which have no value here. */
function splitPorts(port: string): readonly string[] {
  try {
    return port.includes("$") ? [] : expandWords(port, { lookup: () => undefined });
  } catch {
    return [];
  }
}

/** Words of an instruction whose variables must be defined. */
function expandedWords(instruction: Instruction): readonly string[] {
  switch (instruction.keyword) {
    case "env":
    case "label":
      return instruction.pairs.flatMap(({ name, value }) => [name, value]);
    case "arg":
      return instruction.args.flatMap(({ value }) => value ?? []);
    case "copy":
    case "add": {
      const { chown = "", chmod = "", sources, target } = instruction;
      return [
        chown,
        chmod,
        ...(instruction.keyword === "add" ? [instruction.checksum ?? ""] : []),
        ...sources,
        target,
      ];
    }
    case "run":
      return instruction.mounts.flatMap((mount) =>
        mount.split(",").flatMap((field) => (field.includes("=") ? field.slice(field.indexOf("=") + 1) : [])),
      );
    case "user":
      return [instruction.user];
    case "workdir":
      return [instruction.path];
    case "volume":
      return instruction.paths;
    case "stopsignal":
      return [instruction.signal];
    default:
      return [];
  }
}
