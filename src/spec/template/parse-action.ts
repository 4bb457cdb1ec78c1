import { isOneOf } from "../../base/keys.ts";
import { positionOf, templateFailure } from "./failure.ts";
import { parseCharacter, parseNumber, parseQuoted } from "./literal.ts";
import type { Token } from "./scan.ts";
import type { CommandNode, Operand, Pipe } from "./syntax.ts";

/** The words that open a block with a value. */
export const blockWords = ["if", "range", "with"] as const;

const otherWords: ReadonlySet<string> = new Set(["end", "else", "define", "template", "block"]);
const maximumDepth = 100;

/** What holds across the actions of one template while it is read. */
export class Scope {
  readonly text: string;
  readonly isFunction: (name: string) => boolean;
  /** Names that may be used here, with their dollar; those of inner blocks come last. */
  variables: string[] = ["$"];
  #depth = 0;

  constructor(text: string, isFunction: (name: string) => boolean) {
    this.text = text;
    this.isFunction = isFunction;
  }

  /** Reads what is one level deeper; too deep is a Failure, for the stack is finite. */
  nested<T>(offset: number, parse: () => T): T {
    if (++this.#depth > maximumDepth) throw this.fail(offset, "nested too deeply");
    const result = parse();
    this.#depth--;
    return result;
  }

  fail(offset: number, problem: string): Error {
    return templateFailure(`:${positionOf(this.text, offset).line}: ${problem}`);
  }
}

/** Reads what stands in one action, `{{` to `}}`. */
export class ActionParser {
  readonly #scope: Scope;
  readonly #tokens: readonly Token[];
  #next = 0;
  #offset: number;

  constructor(scope: Scope, action: { readonly tokens: readonly Token[]; readonly offset: number }) {
    this.#scope = scope;
    this.#tokens = action.tokens;
    this.#offset = action.offset;
  }

  get offset(): number {
    return this.#offset;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  take(): Token | undefined {
    const token = this.#tokens[this.#next++];
    if (token !== undefined) this.#offset = token.offset;
    return token;
  }

  fail(problem: string): Error {
    return this.#scope.fail(this.#offset, problem);
  }

  expectEnd(context: string): void {
    const token = this.peek();
    if (token !== undefined) throw this.fail(`unexpected ${JSON.stringify(token.text)} in ${context}`);
  }

  /** The quoted name of a template. */
  parseName(clause: string): string {
    const token = this.take();
    if (token?.kind === "string" || token?.kind === "raw-string") return this.#unquote(token);
    throw this.fail(
      `unexpected ${token === undefined ? "}}" : JSON.stringify(token.text)} in ${clause} clause`,
    );
  }

  /** A pipeline that takes the rest of the action. */
  parsePipeToEnd(context: string): Pipe {
    const pipe = this.#parsePipe(context);
    this.expectEnd(context);
    return pipe;
  }

  /** A pipeline up to the action's end, or to the closing parenthesis that it leaves to its caller. */
  #parsePipe(context: string): Pipe {
    const offset = this.peek()?.offset ?? this.#offset;
    const { variables, isAssignment } = this.#parseVariables(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const command = this.#parseCommand(context);
      commands.push(command);
      const first = command.operands[0];
      if (commands.length > 1 && first !== undefined && !isCallable(first)) {
        throw this.fail(`non executable command in pipeline stage ${commands.length}`);
      }
      if (this.peek()?.kind !== "|") break;
      this.take();
    }
    if (!isAssignment) this.#scope.variables.push(...variables);
    return { offset, variables, isAssignment, commands };
  }

  #parseVariables(context: string): Pick<Pipe, "variables" | "isAssignment"> {
    const [first, second, third, fourth] = this.#tokens.slice(this.#next, this.#next + 4);
    if (first?.kind !== "variable") return { variables: [], isAssignment: false };
    if (second?.kind === ":=" || second?.kind === "=") {
      this.#next += 2;
      return this.#declared([first], second);
    }
    if (second?.kind !== ",") return { variables: [], isAssignment: false };
    if (context !== "range") throw this.fail(`too many declarations in ${context}`);
    if (third?.kind !== "variable" || (fourth?.kind !== ":=" && fourth?.kind !== "=")) {
      throw this.fail("range can only initialize variables");
    }
    this.#next += 4;
    return this.#declared([first, third], fourth);
  }

  #declared(names: readonly Token[], sign: Token): Pick<Pipe, "variables" | "isAssignment"> {
    const isAssignment = sign.kind === "=";
    for (const { text } of names) if (isAssignment) this.#checkVariable(text);
    return { variables: names.map(({ text }) => text), isAssignment };
  }

  #parseCommand(context: string): CommandNode {
    const offset = this.peek()?.offset ?? this.#offset;
    const operands: Operand[] = [];
    for (;;) {
      const token = this.peek();
      if (token === undefined || token.kind === "|" || token.kind === ")") break;
      if (operands.length > 0 && !token.isApart && token.kind !== "(") {
        throw this.fail(`unexpected ${JSON.stringify(token.text)} in operand`);
      }
      operands.push(this.#parseOperand());
    }
    if (operands.length === 0) throw this.fail(`missing value for ${context}`);
    return { offset, operands };
  }

  #parseOperand(): Operand {
    const operand = this.#parseTerm();
    const path: string[] = [];
    let { offset } = operand;
    for (let next = this.peek(); next?.kind === "field" && !next.isApart; next = this.peek()) {
      // The place of a longer path is that of its second name: Go reports it so.
      if (path.length === 0) offset = next.offset;
      path.push(next.text.slice(1));
      this.take();
    }
    if (path.length === 0) return operand;
    switch (operand.kind) {
      case "field":
      case "variable":
        return { ...operand, offset, path: [...operand.path, ...path] };
      case "constant":
        throw this.fail(`unexpected . after term ${JSON.stringify(operand.written)}`);
      case "nil":
        throw this.fail('unexpected . after term "nil"');
      default:
        return { kind: "chain", offset, of: operand, path };
    }
  }

  #parseTerm(): Operand {
    const token = this.take();
    if (token === undefined) throw this.fail("unexpected }} in operand");
    const { offset, text } = token;
    switch (token.kind) {
      case "dot":
        return { kind: "dot", offset };
      case "field":
        return { kind: "field", offset, path: [text.slice(1)] };
      case "variable":
        this.#checkVariable(text);
        return { kind: "variable", offset, name: text, path: [] };
      case "number":
        return this.#constant(token, parseNumber(text), "bad number syntax");
      case "character":
        return this.#constant(token, parseCharacter(text), "malformed character constant");
      case "string":
      case "raw-string":
        return this.#constant(token, this.#unquote(token), "");
      case "word":
        return this.#parseWord(token);
      case "(": {
        const pipe = this.#scope.nested(offset, () => this.#parsePipe("parenthesized pipeline"));
        if (this.take()?.kind !== ")") throw this.fail("unclosed left paren");
        return { kind: "pipe", offset, pipe };
      }
      default:
        throw this.fail(`unexpected ${JSON.stringify(text)} in operand`);
    }
  }

  #parseWord(token: Token): Operand {
    const { text, offset } = token;
    if (text === "true" || text === "false") return this.#constant(token, text === "true", "");
    if (text === "nil") return { kind: "nil", offset };
    if (isOneOf(blockWords, text) || otherWords.has(text)) throw this.fail(`unexpected <${text}> in operand`);
    if (!this.#scope.isFunction(text)) throw this.fail(`function ${JSON.stringify(text)} not defined`);
    return { kind: "function", offset, name: text };
  }

  #constant(token: Token, value: boolean | number | string | undefined, problem: string): Operand {
    if (value === undefined) throw this.fail(`${problem}: ${token.text}`);
    return { kind: "constant", offset: token.offset, value, written: token.text };
  }

  #unquote(token: Token): string {
    if (token.kind === "raw-string") return token.text.slice(1, -1);
    const value = parseQuoted(token.text);
    if (value === undefined) throw this.fail(`invalid quoted string: ${token.text}`);
    return value;
  }

  #checkVariable(name: string): void {
    if (!this.#scope.variables.includes(name)) throw this.fail(`undefined variable ${JSON.stringify(name)}`);
  }
}

/** May a pipe's value be given to it? */
function isCallable(operand: Operand): boolean {
  return operand.kind !== "constant" && operand.kind !== "dot" && operand.kind !== "nil";
}
