import type { ExecCreateRequest } from "../types/exec.ts";
import { type ConsoleSize, type FastPathFlag, fastPathReader, isPlainVariable } from "./fast-path-words.ts";

/** An execution that is asked for with plain flags. */
export interface FastPathExec {
  readonly env: readonly string[];
  readonly interactive: boolean;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly user: string;
  readonly workdir: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Of the client's terminal. */
  readonly consoleSize?: ConsoleSize | undefined;
}

type FastPathFlags = Omit<FastPathExec, "container" | "command" | "consoleSize">;

/** The flags of the fast path, by long name; a test compares the table with the flags of `exec`. */
export const execFlags: Readonly<Record<keyof FastPathFlags, FastPathFlag>> = {
  env: { short: "e", kind: "list", accepts: isPlainVariable },
  interactive: { short: "i", kind: "switch" },
  privileged: { kind: "switch" },
  tty: { short: "t", kind: "switch" },
  user: { short: "u", kind: "text" },
  workdir: { short: "w", kind: "text" },
};

const readWords = fastPathReader<FastPathFlags>(execFlags);

const nothingGiven: FastPathFlags = {
  env: [],
  interactive: false,
  privileged: false,
  tty: false,
  user: "",
  workdir: "",
};

/** Parses the words of an execution that has only flags of the fast path; undefined for others, or without a command. */
export function readFastPathExec(words: readonly string[]): FastPathExec | undefined {
  const read = readWords(words);
  const [container, ...command] = read?.rest ?? [];
  if (read === undefined || container === undefined || command.length === 0) return undefined;
  return { ...nothingGiven, ...read.values, container, command };
}

/** The request that the command line makes for the same words. */
export function toExecRequest(exec: Omit<FastPathExec, "container">): ExecCreateRequest {
  return {
    AttachStdin: exec.interactive,
    AttachStdout: true,
    AttachStderr: true,
    Cmd: exec.command,
    Env: exec.env,
    Privileged: exec.privileged,
    Tty: exec.tty,
    User: exec.user || undefined,
    WorkingDir: exec.workdir || undefined,
    ConsoleSize: exec.tty ? exec.consoleSize : undefined,
  };
}
