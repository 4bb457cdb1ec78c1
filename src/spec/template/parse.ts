import { isOneOf } from "../../base/keys.ts";
import { ActionParser, blockWords, Scope } from "./parse-action.ts";
import { type Piece, scanTemplate } from "./scan.ts";
import type { Node } from "./syntax.ts";

/** A template ready to be applied: its own nodes and those of the templates it defines. */
export interface ParsedTemplate {
  readonly text: string;
  readonly nodes: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

/** Parses a template. `isFunction` reports which names may be called. Throws a Failure that names the line. */
export function parseTemplate(text: string, isFunction: (name: string) => boolean): ParsedTemplate {
  return new Parser(text, isFunction).parse();
}

type BlockKind = (typeof blockWords)[number];

interface List {
  readonly nodes: readonly Node[];
  readonly ending: "end" | "else" | "eof";
}

class Parser {
  readonly #scope: Scope;
  readonly #pieces: readonly Piece[];
  readonly #defined = new Map<string, readonly Node[]>();
  #piece = 0;
  #action: ActionParser;
  #rangeDepth = 0;

  constructor(text: string, isFunction: (name: string) => boolean) {
    this.#scope = new Scope(text, isFunction);
    this.#pieces = scanTemplate(text);
    this.#action = new ActionParser(this.#scope, { tokens: [], offset: 0 });
  }

  parse(): ParsedTemplate {
    const { nodes, ending } = this.#parseList();
    if (ending !== "eof") throw this.#action.fail(`unexpected {{${ending}}}`);
    return { text: this.#scope.text, nodes, defined: this.#defined };
  }

  /** Nodes up to the `{{end}}` or `{{else}}` that is not theirs (read but for what follows else). */
  #parseList(): List {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#piece++];
      if (piece === undefined) return { nodes, ending: "eof" };
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      this.#action = new ActionParser(this.#scope, piece);
      const first = this.#action.peek();
      const word = first?.kind === "word" ? first.text : undefined;
      if (word === "end" || word === "else") {
        this.#action.take();
        if (word === "end") this.#action.expectEnd("end");
        return { nodes, ending: word };
      }
      nodes.push(...this.#parseAction(word));
    }
  }

  #parseAction(word: string | undefined): readonly Node[] {
    const action = this.#action;
    if (isOneOf(blockWords, word)) return [this.#parseBlock(word)];
    switch (word) {
      case "break":
      case "continue":
        action.take();
        action.expectEnd(word);
        if (this.#rangeDepth === 0) throw action.fail(`{{${word}}} outside {{range}}`);
        return [{ kind: word }];
      case "define": {
        action.take();
        const name = action.parseName("define");
        action.expectEnd("define clause");
        this.#define(name, "define");
        return [];
      }
      case "template":
      case "block":
        return [this.#parseTemplateCall(word)];
      default:
        return [{ kind: "print", pipe: action.parsePipeToEnd("command") }];
    }
  }

  #parseBlock(kind: BlockKind): Node {
    return this.#scope.nested(this.#action.offset, () => {
      const before = this.#scope.variables.length;
      this.#action.take();
      const pipe = this.#action.parsePipeToEnd(kind);
      if (kind === "range") this.#rangeDepth++;
      const { nodes: body, ending } = this.#parseList();
      if (kind === "range") this.#rangeDepth--;
      if (ending === "eof") throw this.#action.fail("unexpected EOF");
      const otherwise = ending === "else" ? this.#parseElse(kind) : [];
      this.#scope.variables.length = before;
      return { kind, pipe, body, otherwise };
    });
  }

  #parseElse(kind: BlockKind): readonly Node[] {
    const next = this.#action.peek();
    if (next?.kind === "word" && next.text === kind && kind !== "range") return [this.#parseBlock(kind)];
    this.#action.expectEnd("else");
    const { nodes, ending } = this.#parseList();
    if (ending === "end") return nodes;
    throw this.#action.fail(ending === "eof" ? "unexpected EOF" : "expected end; found {{else}}");
  }

  #parseTemplateCall(word: "template" | "block"): Node {
    const action = this.#action;
    action.take();
    const offset = action.peek()?.offset ?? action.offset;
    const name = action.parseName(word);
    const pipe = action.peek() === undefined ? undefined : action.parsePipeToEnd(word);
    if (word === "block") {
      if (pipe === undefined) throw action.fail("missing value for block clause");
      this.#define(name, "block");
    }
    return { kind: "template", name, offset, pipe };
  }

  #define(name: string, word: string): void {
    this.#scope.nested(this.#action.offset, () => {
      const outer = this.#scope.variables;
      const outerRange = this.#rangeDepth;
      this.#scope.variables = ["$"];
      this.#rangeDepth = 0;
      const { nodes, ending } = this.#parseList();
      if (ending !== "end") {
        throw this.#action.fail(`unexpected ${ending === "eof" ? "EOF" : "{{else}}"} in ${word} clause`);
      }
      this.#defined.set(name, nodes);
      this.#scope.variables = outer;
      this.#rangeDepth = outerRange;
    });
  }
}
