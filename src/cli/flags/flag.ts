import { Failure } from "../../base/failure.ts";

/** One option of a command as data: parsing, help and completion all read it. */
export interface Flag<T> {
  readonly short?: string;
  /** The word for its value in help, as `list` or `bytes`; empty for a flag that needs no value. */
  readonly type: string;
  readonly usage: string;
  readonly initial: T;
  /** What help calls the default; absent: nothing is said. */
  readonly initialText?: string;
  /** Other long names that work but are not shown. */
  readonly also?: readonly string[];
  /** The words that may be completed as its value. */
  readonly words?: readonly string[];
  /** Completed as a file name. */
  readonly isFile?: boolean;
  readonly isHidden?: boolean;
  /** It is understood, but what it asks for is not there yet: giving it fails with that sentence. */
  readonly isLater?: boolean;
  /** The value after one more mention. Throws a Failure with what is wrong with the text. */
  add(text: string, before: T): T;
}

/** The flags of a command, by long name. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The table that gives the values `V`. */
export type TableOf<V> = { readonly [K in keyof V]: Flag<V[K]> };

/** The wrong use of a flag: printed with where to find help, ends with status 125. */
export function flagFailure(sentence: string): Failure {
  return new Failure("invalid", sentence, { details: { status: 125, see: true } });
}

/** A failure that decides about the exit status of the command. */
export function statusFailure(status: number, sentence: string, see = false): Failure {
  return new Failure("invalid", sentence, { details: { status, ...(see ? { see, prefix: true } : {}) } });
}
