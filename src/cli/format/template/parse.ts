import { placeOf, templateFailure } from "./failure.ts";
import { parseCharacter, parseNumber, parseQuoted } from "./literal.ts";
import { type Piece, scanTemplate, type Token } from "./scan.ts";
import type { CommandNode, Node, Operand, Pipe } from "./syntax.ts";

/** A template ready to be applied: its own nodes and those of the templates it defines. */
export interface ParsedTemplate {
  readonly text: string;
  readonly nodes: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

const maximumDepth = 100;
const blockWords = new Set(["if", "range", "with"]);

/** Reads a template. `isFunction` knows the names that may be called. Throws a Failure that names the line. */
export function parseTemplate(text: string, isFunction: (name: string) => boolean): ParsedTemplate {
  return new Parser(text, isFunction).parse();
}

type Ending = "end" | "else" | "eof";

class Parser {
  readonly #text: string;
  readonly #isFunction: (name: string) => boolean;
  readonly #pieces: readonly Piece[];
  readonly #defined = new Map<string, readonly Node[]>();
  #piece = 0;
  #tokens: readonly Token[] = [];
  #token = 0;
  #offset = 0;
  #depth = 0;
  #rangeDepth = 0;
  #variables: string[] = ["$"];

  constructor(text: string, isFunction: (name: string) => boolean) {
    this.#text = text;
    this.#isFunction = isFunction;
    this.#pieces = scanTemplate(text);
  }

  parse(): ParsedTemplate {
    const { nodes, ending } = this.#parseList();
    if (ending !== "eof") throw this.#fail(`unexpected {{${ending}}}`);
    return { text: this.#text, nodes, defined: this.#defined };
  }

  /** Nodes up to the `{{end}}` or `{{else}}` that is not theirs (read but for what follows else). */
  #parseList(): { readonly nodes: readonly Node[]; readonly ending: Ending } {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#piece++];
      if (piece === undefined) return { nodes, ending: "eof" };
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      this.#tokens = piece.tokens;
      this.#token = 0;
      this.#offset = piece.offset;
      const word = this.#peek()?.kind === "word" ? this.#peek()?.text : undefined;
      if (word === "end") {
        this.#take();
        this.#expectEnd("end");
        return { nodes, ending: "end" };
      }
      if (word === "else") {
        this.#take();
        return { nodes, ending: "else" };
      }
      nodes.push(...this.#parseAction(word));
    }
  }

  #parseAction(word: string | undefined): readonly Node[] {
    if (word !== undefined && blockWords.has(word)) {
      this.#take();
      return [this.#parseBlock(word as "if" | "range" | "with")];
    }
    switch (word) {
      case "break":
      case "continue":
        this.#take();
        this.#expectEnd(word);
        if (this.#rangeDepth === 0) throw this.#fail(`{{${word}}} outside {{range}}`);
        return [{ kind: word }];
      case "define":
        this.#take();
        this.#define(this.#parseName("define"), "define");
        return [];
      case "template":
      case "block":
        return [this.#parseTemplateCall(word)];
      default:
        return [{ kind: "print", pipe: this.#parsePipe("command") }];
    }
  }

  #parseBlock(kind: "if" | "range" | "with"): Node {
    return this.#nested(() => {
      const before = this.#variables.length;
      const pipe = this.#parsePipe(kind);
      if (kind === "range") this.#rangeDepth++;
      const { nodes: body, ending } = this.#parseList();
      if (kind === "range") this.#rangeDepth--;
      if (ending === "eof") throw this.#fail("unexpected EOF");
      const otherwise = ending === "else" ? this.#parseElse(kind) : [];
      this.#variables.length = before;
      return { kind, pipe, body, otherwise };
    });
  }

  #parseElse(kind: "if" | "range" | "with"): readonly Node[] {
    const next = this.#peek();
    if (next?.kind === "word" && next.text === kind && kind !== "range") {
      this.#take();
      return [this.#parseBlock(kind)];
    }
    this.#expectEnd("else");
    const { nodes, ending } = this.#parseList();
    if (ending !== "end")
      throw this.#fail(ending === "eof" ? "unexpected EOF" : "expected end; found {{else}}");
    return nodes;
  }

  #parseTemplateCall(word: "template" | "block"): Node {
    this.#take();
    const offset = this.#peek()?.offset ?? this.#offset;
    const name = this.#parseName(word, true);
    const pipe = this.#peek() === undefined ? undefined : this.#parsePipe(word);
    if (word === "block") {
      if (pipe === undefined) throw this.#fail("missing value for block clause");
      this.#define(name, "block");
    }
    return { kind: "template", name, offset, pipe };
  }

  #define(name: string, word: string): void {
    this.#nested(() => {
      const outer = this.#variables;
      const outerRange = this.#rangeDepth;
      this.#variables = ["$"];
      this.#rangeDepth = 0;
      const { nodes, ending } = this.#parseList();
      if (ending !== "end")
        throw this.#fail(`unexpected ${ending === "eof" ? "EOF" : "{{else}}"} in ${word} clause`);
      this.#defined.set(name, nodes);
      this.#variables = outer;
      this.#rangeDepth = outerRange;
    });
  }

  #parseName(clause: string, mayGoOn = false): string {
    const token = this.#take();
    if (token?.kind !== "string" && token?.kind !== "raw-string") {
      throw this.#fail(
        `unexpected ${token === undefined ? "}}" : JSON.stringify(token.text)} in ${clause} clause`,
      );
    }
    if (!mayGoOn) this.#expectEnd(`${clause} clause`);
    return this.#unquote(token);
  }

  /** A pipeline up to the action's end, or to the closing parenthesis that it leaves to its caller. */
  #parsePipe(context: string, isInner = false): Pipe {
    const offset = this.#peek()?.offset ?? this.#offset;
    const { variables, isAssignment } = this.#parseVariables(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const command = this.#parseCommand(context, isInner);
      commands.push(command);
      const first = command.operands[0];
      if (commands.length > 1 && first !== undefined && !isCallable(first)) {
        throw this.#fail(`non executable command in pipeline stage ${commands.length}`);
      }
      const next = this.#peek();
      if (next?.kind !== "|") break;
      this.#take();
      if (this.#peek() === undefined || this.#peek()?.kind === ")")
        throw this.#fail(`missing value for ${context}`);
    }
    if (!isAssignment) this.#variables.push(...variables);
    return { offset, variables, isAssignment, commands };
  }

  #parseVariables(context: string): {
    readonly variables: readonly string[];
    readonly isAssignment: boolean;
  } {
    const [first, second, third, fourth] = this.#tokens.slice(this.#token, this.#token + 4);
    if (first?.kind !== "variable") return { variables: [], isAssignment: false };
    if (second?.kind === ":=" || second?.kind === "=") {
      this.#token += 2;
      return this.#declared([first], second);
    }
    if (second?.kind !== ",") return { variables: [], isAssignment: false };
    if (context !== "range") throw this.#fail(`too many declarations in ${context}`);
    if (third?.kind !== "variable" || (fourth?.kind !== ":=" && fourth?.kind !== "=")) {
      throw this.#fail("range can only initialize variables");
    }
    this.#token += 4;
    return this.#declared([first, third], fourth);
  }

  #declared(
    names: readonly Token[],
    sign: Token,
  ): { readonly variables: readonly string[]; readonly isAssignment: boolean } {
    const isAssignment = sign.kind === "=";
    for (const { text } of names) if (isAssignment) this.#checkVariable(text);
    return { variables: names.map(({ text }) => text), isAssignment };
  }

  #parseCommand(context: string, isInner: boolean): CommandNode {
    const offset = this.#peek()?.offset ?? this.#offset;
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.kind === "|" || (token.kind === ")" && isInner)) break;
      if (operands.length > 0 && !token.isApart && token.kind !== "(") {
        throw this.#fail(`unexpected ${JSON.stringify(token.text)} in operand`);
      }
      operands.push(this.#parseOperand());
    }
    if (operands.length === 0) throw this.#fail(`missing value for ${context}`);
    return { offset, operands };
  }

  #parseOperand(): Operand {
    const operand = this.#parseTerm();
    const path: string[] = [];
    let offset = operand.offset;
    for (let next = this.#peek(); next?.kind === "field" && !next.isApart; next = this.#peek()) {
      // The place of a longer path is that of its second name: Go reports it so.
      if (path.length === 0) offset = next.offset;
      path.push(next.text.slice(1));
      this.#take();
    }
    if (path.length === 0) return operand;
    switch (operand.kind) {
      case "field":
      case "variable":
        return { ...operand, offset, path: [...operand.path, ...path] };
      case "constant":
      case "nil":
        throw this.#fail(
          `unexpected . after term ${JSON.stringify(operand.kind === "nil" ? "nil" : operand.written)}`,
        );
      default:
        return { kind: "chain", offset, of: operand, path };
    }
  }

  #parseTerm(): Operand {
    const token = this.#take();
    if (token === undefined) throw this.#fail("unexpected }} in operand");
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
        return {
          kind: "constant",
          offset,
          value: this.#literal(parseNumber(text), "bad number syntax", text),
          written: text,
        };
      case "character":
        return {
          kind: "constant",
          offset,
          value: this.#literal(parseCharacter(text), "malformed character constant", text),
          written: text,
        };
      case "string":
      case "raw-string":
        return { kind: "constant", offset, value: this.#unquote(token), written: text };
      case "word":
        return this.#parseWord(token);
      case "(": {
        const pipe = this.#nested(() => this.#parsePipe("parenthesized pipeline", true));
        if (this.#take()?.kind !== ")") throw this.#fail("unclosed left paren");
        return { kind: "pipe", offset, pipe };
      }
      default:
        throw this.#fail(`unexpected ${JSON.stringify(text)} in operand`);
    }
  }

  #parseWord({ text, offset }: Token): Operand {
    if (text === "true" || text === "false")
      return { kind: "constant", offset, value: text === "true", written: text };
    if (text === "nil") return { kind: "nil", offset };
    if (blockWords.has(text) || ["end", "else", "define", "template", "block"].includes(text)) {
      throw this.#fail(`unexpected <${text}> in operand`);
    }
    if (!this.#isFunction(text)) throw this.#fail(`function ${JSON.stringify(text)} not defined`);
    return { kind: "function", offset, name: text };
  }

  #unquote(token: Token): string {
    if (token.kind === "raw-string") return token.text.slice(1, -1);
    return this.#literal(parseQuoted(token.text), "invalid quoted string", token.text);
  }

  #literal<T>(value: T | undefined, problem: string, text: string): T {
    if (value === undefined) throw this.#fail(`${problem}: ${text}`);
    return value;
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#fail(`undefined variable ${JSON.stringify(name)}`);
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > maximumDepth) throw this.#fail("nested too deeply");
    const result = parse();
    this.#depth--;
    return result;
  }

  #expectEnd(context: string): void {
    const token = this.#peek();
    if (token !== undefined) throw this.#fail(`unexpected ${JSON.stringify(token.text)} in ${context}`);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#token];
  }

  #take(): Token | undefined {
    const token = this.#tokens[this.#token++];
    if (token !== undefined) this.#offset = token.offset;
    return token;
  }

  #fail(problem: string): Error {
    return templateFailure(`:${placeOf(this.#text, this.#offset).line}: ${problem}`);
  }
}

function isCallable(operand: Operand): boolean {
  return operand.kind !== "constant" && operand.kind !== "dot" && operand.kind !== "nil";
}
