import { Failure } from "../../base/failure.ts";
import type { Subject } from "../subject.ts";

/** One option of a command as data: parsing, help and completion all read it. */
export interface Flag<T> {
  readonly short?: string | undefined;
  /** The word for its value in help, as `list` or `bytes`; empty for a flag that needs no value. */
  readonly type: string;
  readonly usage: string;
  readonly initial: T;
  /** The default in the help; absent: none is shown. */
  readonly initialText?: string | undefined;
  /** Other long names that work but are not shown. */
  readonly also?: readonly string[] | undefined;
  /** The words that may be completed as its value. */
  readonly words?: readonly string[] | undefined;
  /** Completed as a file name. */
  readonly isFile?: boolean | undefined;
  /** The kind of object that its value names, for completion. */
  readonly names?: Subject | undefined;
  readonly isHidden?: boolean | undefined;
  /** The member of Docker's client configuration that has its value when the command line has none. */
  readonly configKey?: string | undefined;
  /** It is not supported yet: it is refused by name, except for these values, which change nothing. */
  readonly laterUnless?: readonly string[] | undefined;
  /** The value after one more mention. Throws a Failure with what is wrong with the text. */
  add(text: string, before: T): T;
}

/** The flags of a command, by long name. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The flags that help and completion list, by name. */
export function shownFlags(table: FlagTable): readonly (readonly [name: string, flag: Flag<unknown>])[] {
  return Object.entries(table)
    .filter(([, flag]) => flag.isHidden !== true)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The table that gives the values `V`. */
export type TableOf<V> = { readonly [K in keyof V]: Flag<V[K]> };

/** The wrong use of a flag: printed with where to find help, ends with status 125. */
export function flagFailure(sentence: string): Failure {
  return new Failure("invalid", sentence, { details: { exitStatus: 125, see: true } });
}

/** A wrong value or combination, found after the flags were read: `tare: …` and where to find help, status 125. */
export function optionFailure(sentence: string): Failure {
  return new Failure("invalid", sentence, { details: { exitStatus: 125, see: true, prefix: true } });
}

/** A failure for an option that is parsed but not supported yet. */
export function laterFailure(what: string): Failure {
  return new Failure("unsupported", `${what} is not supported yet`, { details: { exitStatus: 125 } });
}

/** Ends the command with the status and without a message: it was printed before. */
export function silentFailure(exitStatus: number): Failure {
  return new Failure("canceled", "the command ended", { details: { exitStatus, silent: true } });
}
