import { type FastPathFlag, fastPathReader } from "./fast-path-words.ts";

/** The logs of a container, asked for with plain flags. */
export interface FastPathLogs {
  readonly follow: boolean;
  /** As written; "": all. */
  readonly tail: string;
  readonly timestamps: boolean;
  readonly container: string;
}

/** The flags of the fast path, by long name; a test compares the table with the flags of `logs`. */
export const plainLogFlags: Readonly<Record<Exclude<keyof FastPathLogs, "container">, FastPathFlag>> = {
  follow: { short: "f", kind: "switch" },
  tail: { short: "n", kind: "text" },
  timestamps: { short: "t", kind: "switch" },
};

const readWords = fastPathReader<Omit<FastPathLogs, "container">>(plainLogFlags);

/** Parses the words of `logs` that has only flags of the fast path, in front of one container; undefined for others. */
export function readFastPathLogs(words: readonly string[]): FastPathLogs | undefined {
  const read = readWords(words);
  const [container, ...others] = read?.rest ?? [];
  if (read === undefined || container === undefined || others.length > 0) return undefined;
  return { follow: false, tail: "", timestamps: false, ...read.values, container };
}
