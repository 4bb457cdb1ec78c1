import { Failure } from "./failure.ts";

/** One step of a compiled pattern; numbers are positions of steps. */
type Step =
  | { readonly kind: "character"; readonly is: (character: string) => boolean }
  | { readonly kind: "split"; readonly to: number[] }
  | { readonly kind: "begin" }
  | { readonly kind: "end" }
  | { readonly kind: "found" };

const mostSteps = 2000;

/**
 * Compiles a regular expression in the part of Go's syntax that filters use: `. [] () | * + ? {n,m} ^ $`, and `\d \w \s`
 * with their opposites. The test takes time in proportion to the lengths of pattern and text, whatever the pattern. Throws
 * Failure("invalid"). Pure.
 */
export function compileLinearPattern(pattern: string): (text: string) => boolean {
  const steps = new Parser(pattern).parse();
  return (text) => search(steps, [...text]);
}

function search(steps: readonly Step[], text: readonly string[]): boolean {
  let current = new Set<number>();
  for (let at = 0; at <= text.length; at++) {
    // A match may begin anywhere.
    if (follow(steps, 0, { into: current, isBegin: at === 0, isEnd: at === text.length })) return true;
    const next = new Set<number>();
    const position = { into: next, isBegin: false, isEnd: at + 1 === text.length };
    const character = text[at];
    if (character === undefined) return false;
    for (const index of current) {
      const step = steps[index];
      if (step?.kind === "character" && step.is(character) && follow(steps, index + 1, position)) return true;
    }
    current = next;
  }
  return false;
}

/** Adds the steps that are reached without a character. True: the pattern has matched. */
function follow(
  steps: readonly Step[],
  from: number,
  {
    into,
    isBegin,
    isEnd,
  }: { readonly into: Set<number>; readonly isBegin: boolean; readonly isEnd: boolean },
): boolean {
  const open = [from];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (into.has(index)) continue;
    into.add(index);
    const step = steps[index];
    if (step === undefined || step.kind === "character") continue;
    if (step.kind === "found") return true;
    if (step.kind === "split") open.push(...step.to);
    else if (step.kind === "begin" ? isBegin : isEnd) open.push(index + 1);
  }
  return false;
}

class Parser {
  readonly #pattern: string;
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = [...pattern];
  }

  parse(): readonly Step[] {
    const steps = this.#alternatives();
    if (this.#at < this.#characters.length) throw this.#wrong("unexpected )");
    return [...steps, { kind: "found" }];
  }

  /** Positions in what these methods give are relative to its first step. */
  #alternatives(): readonly Step[] {
    const first = this.#sequence();
    if (!this.#take("|")) return first;
    const second = this.#alternatives();
    const end = first.length + second.length + 2;
    return this.#bounded([
      { kind: "split", to: [1, first.length + 2] },
      ...moved(first, 1),
      { kind: "split", to: [end] },
      ...moved(second, first.length + 2),
    ]);
  }

  #sequence(): readonly Step[] {
    let steps: readonly Step[] = [];
    while (this.#at < this.#characters.length && !this.#isNext("|") && !this.#isNext(")"))
      steps = this.#bounded([...steps, ...moved(this.#repeated(), steps.length)]);
    return steps;
  }

  #repeated(): readonly Step[] {
    const one = this.#atom();
    let steps = one;
    for (;;) {
      const counts = this.#counts();
      if (counts === undefined) return steps;
      // Greedy or not, the same texts match.
      this.#take("?");
      steps = this.#times(steps, counts);
    }
  }

  /** `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`. */
  #counts(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take("*")) return { least: 0, most: Infinity };
    if (this.#take("+")) return { least: 1, most: Infinity };
    if (this.#take("?")) return { least: 0, most: 1 };
    const rest = this.#characters.slice(this.#at, this.#at + 12).join("");
    const [whole, least, comma, most] = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(rest) ?? [];
    if (whole === undefined) return undefined;
    this.#at += whole.length;
    const fewest = Number(least);
    const last = comma === "" ? fewest : most === "" ? Infinity : Number(most);
    if (last < fewest) throw this.#wrong(`invalid repeat count ${whole}`);
    return { least: fewest, most: last };
  }

  #times(
    one: readonly Step[],
    { least, most }: { readonly least: number; readonly most: number },
  ): readonly Step[] {
    let steps: readonly Step[] = [];
    const add = (more: readonly Step[]): void => {
      steps = this.#bounded([...steps, ...moved(more, steps.length)]);
    };
    for (let count = 0; count < least; count++) add(one);
    if (most === Infinity) {
      add([{ kind: "split", to: [1, one.length + 2] }, ...moved(one, 1), { kind: "split", to: [0] }]);
      return steps;
    }
    for (let count = least; count < most; count++)
      add([{ kind: "split", to: [1, one.length + 1] }, ...moved(one, 1)]);
    return steps;
  }

  #atom(): readonly Step[] {
    const character = this.#next();
    switch (character) {
      case "(": {
        if (this.#take("?") && !this.#take(":")) throw this.#wrong("unsupported (?");
        const steps = this.#alternatives();
        if (!this.#take(")")) throw this.#wrong("missing closing )");
        return steps;
      }
      case "[":
        return [{ kind: "character", is: this.#set() }];
      case ".":
        return [{ kind: "character", is: (each) => each !== "\n" }];
      case "^":
        return [{ kind: "begin" }];
      case "$":
        return [{ kind: "end" }];
      case "*":
      case "+":
      case "?":
        throw this.#wrong(`missing argument to repetition operator: ${character}`);
      case "\\":
        return [{ kind: "character", is: this.#escape() }];
      default:
        return [{ kind: "character", is: (each) => each === character }];
    }
  }

  #escape(): (character: string) => boolean {
    const escaped = this.#next();
    const known = classes[escaped.toLowerCase()];
    if (known !== undefined) return (each) => known.test(each) === (escaped === escaped.toLowerCase());
    if (/[a-z0-9]/i.test(escaped)) throw this.#wrong(`invalid escape sequence: \\${escaped}`);
    return (each) => each === escaped;
  }

  #set(): (character: string) => boolean {
    const isNegated = this.#take("^");
    const tests: ((character: string) => boolean)[] = [];
    do {
      const first = this.#next();
      if (first === "\\") {
        tests.push(this.#escape());
        continue;
      }
      if (!this.#isNext("-") || this.#characters[this.#at + 1] === "]") {
        tests.push((each) => each === first);
        continue;
      }
      this.#at++;
      const last = this.#next();
      if (last < first) throw this.#wrong(`invalid character class range: ${first}-${last}`);
      tests.push((each) => each >= first && each <= last);
    } while (!this.#isNext("]"));
    this.#at++;
    return (each) => tests.some((test) => test(each)) !== isNegated;
  }

  #isNext(character: string): boolean {
    return this.#characters[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#isNext(character)) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.#wrong("it ends too early");
    return character;
  }

  #bounded(steps: readonly Step[]): readonly Step[] {
    if (steps.length > mostSteps) throw this.#wrong("it is too large");
    return steps;
  }

  #wrong(why: string): Failure {
    const shown = JSON.stringify(this.#pattern.slice(0, 100));
    return new Failure("invalid", `cannot parse the regular expression ${shown}: ${why}`);
  }
}

const classes: Readonly<Record<string, RegExp | undefined>> = {
  d: /[0-9]/,
  w: /[0-9A-Za-z_]/,
  s: /[\t\n\f\r ]/,
};

function moved(steps: readonly Step[], by: number): readonly Step[] {
  return steps.map((step) =>
    step.kind === "split" ? { kind: "split", to: step.to.map((each) => each + by) } : step,
  );
}
