import { keysOf } from "../../base/keys.ts";

/** A flag of a fast path: its names, and the kind of its value. */
export interface FastPathFlag {
  readonly short?: string | undefined;
  readonly also?: readonly string[] | undefined;
  /** A switch takes no value; a list may be repeated. */
  readonly kind: "switch" | "text" | "list";
  /** Given twice, it is left to the command with all flags. */
  readonly isSingle?: boolean | undefined;
  /** False: the value is left to the command with all flags. */
  accepts?(value: string): boolean;
}

/** Of a client's terminal, as Docker's API orders it. */
export type ConsoleSize = readonly [rows: number, columns: number];

/** The flags that were given, by long name, and the words behind them. */
export interface FastPathWords<Given> {
  readonly values: Partial<Given>;
  readonly rest: readonly string[];
}

/**
 * Returns what parses the words of a command that has only these flags; it gives undefined for words with others. The
 * command with all flags reads the same words alike, but takes longer to load.
 */
export function fastPathReader<Given extends object>(
  flags: Readonly<Record<keyof Given & string, FastPathFlag>>,
): (words: readonly string[]) => FastPathWords<Given> | undefined {
  const byWord = new Map(
    keysOf(flags).flatMap((name) => {
      const flag: FastPathFlag = flags[name];
      const words = [name, ...(flag.also ?? [])].map((long) => `--${long}`);
      const short = flag.short === undefined ? [] : [`-${flag.short}`];
      return [...words, ...short].map((word) => [word, { name, flag }] as const);
    }),
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind of a flag is that of its member
  return (words) => read(byWord, words) as FastPathWords<Given> | undefined;
}

function read(
  byWord: ReadonlyMap<string, { readonly name: string; readonly flag: FastPathFlag }>,
  words: readonly string[],
): FastPathWords<Record<string, boolean | string | readonly string[]>> | undefined {
  const values: Record<string, boolean | string | readonly string[]> = {};
  const rest = [...words];
  while (rest[0]?.startsWith("-") === true) {
    let [word = ""] = rest.splice(0, 1);
    // `-it` is `-i -t`. The last of them may take a value.
    const [, first, others] = /^(-[^-])([^-]+)$/.exec(word) ?? [];
    if (first !== undefined && byWord.get(first)?.flag.kind === "switch") {
      word = first;
      rest.unshift(`-${others}`);
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const found = byWord.get(equals === -1 ? word : word.slice(0, equals));
    if (found === undefined) return undefined;
    const { name, flag } = found;
    if (flag.kind === "switch") {
      if (equals !== -1) return undefined;
      values[name] = true;
      continue;
    }
    const value = equals === -1 ? rest.shift() : word.slice(equals + 1);
    if (value === undefined || flag.accepts?.(value) === false) return undefined;
    if (flag.isSingle === true && Object.hasOwn(values, name)) return undefined;
    const earlier = values[name];
    values[name] = flag.kind === "list" ? [...(Array.isArray(earlier) ? earlier : []), value] : value;
  }
  return { values, rest };
}

/** Whether it has a value: it is not asked for by its name. */
export function isPlainVariable(value: string): boolean {
  return value.indexOf("=") > 0;
}
