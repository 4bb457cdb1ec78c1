import { Failure, isFailure, sentenceOf } from "../../base/failure.ts";
import type {
  ArgInstruction,
  Dockerfile,
  EscapeToken,
  FromInstruction,
  Heredoc,
  Instruction,
  Location,
  ParseWarning,
  Stage,
} from "./dockerfile-types.ts";
import { trimSpace, trimStart } from "./go-text.ts";
import { listHeredocs } from "./heredocs.ts";
import { DirectiveReader } from "./parse-directive.ts";
import { failureAt, locate } from "./parse-failure.ts";
import { findDescription, parseInstruction, type InstructionLines } from "./parse-instruction.ts";
import { splitLine } from "./split-line.ts";

/** Bounds. The length of a line is BuildKit's; it has no others. */
const maxFileLength = 4 * 2 ** 20;
const maxLineBytes = 64 * 1024 - 1;
const maxInstructions = 16_384;
const maxStages = 1024;

/**
 * Parses a Dockerfile as BuildKit's front end does. Variables are not expanded. Throws Failure("invalid") with
 * `details.line` and `details.endLine`; its texts are BuildKit's.
 */
export function parseDockerfile(text: string): Dockerfile {
  if (text === "") throw new Failure("invalid", "the Dockerfile cannot be empty");
  const reader = new LineReader(text);
  const instructions = [...reader.read()];
  const stages: { from: FromInstruction; instructions: Instruction[] }[] = [];
  const globalArgs: ArgInstruction[] = [];
  for (const lines of instructions) {
    const instruction = parseLocated(lines);
    if (instruction.keyword === "from") {
      if (stages.length === maxStages)
        throw failureAt(`the Dockerfile has more than ${maxStages} stages`, lines.location);
      stages.push({ from: instruction, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.keyword === "arg") globalArgs.push(instruction);
    else throw failureAt("no build stage in current context", lines.location);
  }
  if (stages.length === 0) throw new Failure("invalid", "dockerfile contains no stages to build");
  const { syntax, escape, check } = reader.directives;
  return {
    directives: { syntax, escape, check },
    globalArgs,
    stages: stages.map((stage, index) => toStage(stage.from, stage.instructions, index)),
    warnings: reader.warnings,
  };
}

/**
 * Parses the text of an ONBUILD trigger, from an image's configuration. Throws Failure("invalid") for FROM, ONBUILD,
 * MAINTAINER and for other than one instruction.
 */
export function parseOnbuildTrigger(expression: string): Instruction {
  const [lines, ...others] = new LineReader(expression).read();
  if (lines === undefined || others.length > 0)
    throw new Failure("invalid", "onbuild trigger should be a single expression");
  const instruction = parseLocated(lines);
  const { keyword } = instruction;
  if (keyword === "from" || keyword === "maintainer")
    throw new Failure("invalid", `${keyword.toUpperCase()} isn't allowed as an ONBUILD trigger`);
  if (keyword === "onbuild")
    throw new Failure("invalid", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  return instruction;
}

function parseLocated(lines: InstructionLines): Instruction | FromInstruction {
  try {
    return parseInstruction(lines, parseOnbuildTrigger);
  } catch (thrown) {
    if (!isFailure(thrown, "invalid")) throw thrown;
    const { location } = lines;
    const message = `dockerfile parse error on line ${location.startLine}: ${sentenceOf(thrown)}`;
    throw failureAt(message, location, thrown);
  }
}

function toStage(from: FromInstruction, instructions: readonly Instruction[], index: number): Stage {
  const { name, base, platform, location, comments } = from;
  const comment = name === undefined ? undefined : findDescription(comments, name);
  return { name, base, platform, index, comment, from, location, instructions };
}

/** Joins continued lines and collects comments and here-documents. */
class LineReader {
  readonly directives: DirectiveReader = new DirectiveReader();
  readonly warnings: ParseWarning[] = [];
  /** Lines with their ends. */
  readonly #lines: readonly string[];
  /** Lines that have been read: the number of the current one. */
  #at = 0;
  #comments: string[] = [];

  constructor(text: string) {
    if (text.length > maxFileLength)
      throw new Failure("invalid", `the Dockerfile is longer than ${maxFileLength} characters`);
    this.#lines = text.replace(/^\uFEFF/, "").match(/[^\n]*\n|[^\n]+$/g) ?? [];
  }

  /** Every instruction of the file; at least one. Throws Failure("invalid"). */
  *read(): Generator<InstructionLines> {
    let count = 0;
    for (let first = this.#next(); first !== undefined; first = this.#next()) {
      const startLine = this.#at;
      const start = this.#stripFirst(first);
      const { text, ends } = trimContinuation(start, this.directives.escape);
      if (ends && text === "") continue;
      const line = ends ? text : this.#joinContinuations(text);
      if (++count > maxInstructions)
        throw failureAt(
          `the Dockerfile has more than ${maxInstructions} instructions`,
          this.#from(startLine),
        );
      yield this.#complete(line, startLine);
      this.#comments = [];
    }
    if (count === 0) throw failureAt("file with no instructions", this.#from(this.#at));
  }

  #from(startLine: number): Location {
    return { startLine, endLine: Math.max(startLine, this.#at) };
  }

  #next(): string | undefined {
    const line = this.#lines[this.#at];
    if (line === undefined) return undefined;
    this.#at++;
    if (line.length * 3 > maxLineBytes && Buffer.byteLength(line) > maxLineBytes)
      throw failureAt(
        `dockerfile line greater than max allowed size of ${maxLineBytes}`,
        this.#from(this.#at),
      );
    return line;
  }

  /** The first line of an instruction without its end and leading white space; "" for a comment. */
  #stripFirst(line: string): string {
    const text = trimStart(trimLineEnd(line));
    let isDirective: boolean;
    try {
      isDirective = this.directives.read(text);
    } catch (thrown) {
      throw locate(thrown, this.#from(this.#at));
    }
    if (!text.startsWith("#")) return text;
    // BuildKit takes the first character of the line for the `#`, also where it is white space.
    const comment = trimSpace(line.slice(1));
    if (comment === "") this.#comments = [];
    else if (!isDirective) this.#comments.push(comment);
    return "";
  }

  #joinContinuations(first: string): string {
    const parts = [first];
    let hasEmptyLine = false;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const line = trimLineEnd(next);
      const stripped = trimStart(line);
      if (stripped.startsWith("#")) continue;
      if (stripped === "") {
        hasEmptyLine = true;
        continue;
      }
      const { text, ends } = trimContinuation(line, this.directives.escape);
      parts.push(text);
      if (ends) break;
    }
    if (hasEmptyLine)
      this.warnings.push({
        rule: "NoEmptyContinuation",
        detail: "Empty continuation line",
        location: this.#from(this.#at),
      });
    return parts.join("");
  }

  #complete(line: string, startLine: number): InstructionLines {
    const { escape } = this.directives;
    try {
      const split = splitLine(line, escape);
      const heredocs = hasHeredocs(split.written, split.json, { rest: split.rest, escape })
        ? listHeredocs(line).map((start) => ({ ...start, content: this.#readHeredoc(start, startLine) }))
        : [];
      const comments = this.#comments;
      return { split, line, heredocs, comments, location: this.#from(startLine) };
    } catch (thrown) {
      if (!isFailure(thrown, "invalid")) throw thrown;
      throw thrown.details.line === undefined ? locate(thrown, this.#from(startLine)) : thrown;
    }
  }

  #readHeredoc({ name, chomp }: Pick<Heredoc, "name" | "chomp">, startLine: number): string {
    const content: string[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const end = trimLineEnd(line);
      if ((chomp ? end.replace(/^\t+/, "") : end) === name) return content.join("");
      content.push(line);
    }
    throw failureAt("unterminated heredoc", this.#from(startLine));
  }
}

/** Whether the instruction, or the trigger of an ONBUILD, takes here-documents. */
function hasHeredocs(
  written: string,
  json: boolean,
  { rest, escape }: { readonly rest: string; readonly escape: EscapeToken },
): boolean {
  const keyword = written.toLowerCase();
  if (!rest.includes("<<")) return false;
  if (keyword === "onbuild") {
    const trigger = splitLine(rest, escape);
    return isHeredocKeyword(trigger.written.toLowerCase()) && !trigger.json;
  }
  return isHeredocKeyword(keyword) && !json;
}

function isHeredocKeyword(keyword: string): boolean {
  return keyword === "run" || keyword === "copy" || keyword === "add";
}

function trimLineEnd(line: string): string {
  let end = line.length;
  while (line[end - 1] === "\n" || line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

/** The line without its continuation character, and whether it has none. An escaped one is none. */
function trimContinuation(
  line: string,
  escape: EscapeToken,
): { readonly text: string; readonly ends: boolean } {
  let end = line.length;
  while (line[end - 1] === " " || line[end - 1] === "\t") end--;
  if (line[end - 1] !== escape || line[end - 2] === escape) return { text: line, ends: true };
  return { text: line.slice(0, end - 1), ends: false };
}
