import type { Client } from "../client/client.ts";
import type { LeanClient } from "../client/lean-client.ts";
import type { CliContext, GlobalOptions } from "./context.ts";
import type { TableOf } from "./flags/flag.ts";
import type { Subject } from "./subject.ts";

/** One command: its face as data, and what it does. */
export interface Command<V> {
  /** The text after the command's name in usage: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  /** The least and the greatest number of arguments. */
  readonly takes: readonly [least: number, most: number];
  readonly flags: TableOf<V>;
  /** "first": everything from the first argument on belongs to the program that runs. */
  /** "start": all words do. */
  readonly optionsEnd?: "dashes" | "first" | "start" | undefined;
  readonly description?: string | undefined;
  readonly examples?: readonly string[] | undefined;
  /** The kind of object that each argument names; the last entry counts for all that follow. */
  readonly completes?: readonly Subject[] | undefined;
  /** The status of a failed command (default 1). */
  readonly failureStatus?: number | undefined;
  /** False: it does not start a daemon where none runs. */
  readonly startsDaemon?: false | undefined;
  /** False: it does not connect, so it works where the current context does not exist. */
  readonly usesContext?: false | undefined;
  /** Returns the exit status. Throws Failures; those with details.status decide about theirs. */
  run(call: Call<V>): Promise<number>;
}

/** One use of a command. */
export interface Call<V> {
  /** As typed: `run`, `container run`. */
  readonly name: string;
  readonly values: V;
  /** Long names of the flags that were typed. */
  readonly given: ReadonlySet<string>;
  readonly positional: readonly string[];
  readonly context: CliContext;
  readonly globals: GlobalOptions;
  commands(): Promise<CommandTree>;
  /** The daemon; connects when it is asked for the first time. */
  client(): Promise<Client>;
  /** The same, for callers that use containers only and cannot wait until more is loaded. */
  leanClient(): Promise<LeanClient>;
  /** Fires when standard output has no reader any more: streaming commands should end then. */
  readonly signal: AbortSignal;
  /** Writes text to standard output or standard error as it is. */
  out(text: string): void;
  err(text: string): void;
}

/** A command's place in the tree; the rest of it is loaded when it is used. */
export interface CommandEntry {
  /** How it is called, as Docker lists the aliases; the first is its place in the tree. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Shown first, among the common commands. */
  readonly isCommon?: boolean | undefined;
  readonly isHidden?: boolean | undefined;
  /** The words behind its name, where they are known: for a usual use of them there may be less of it to load. */
  load(words?: readonly string[]): Promise<Command<unknown>>;
}

/** All commands, for the commands that describe others, so that those need no import of them. */
export interface CommandTree {
  readonly entries: readonly CommandEntry[];
  /** The description of each group in the help. */
  readonly groups: Readonly<Record<string, string>>;
  /** First words of commands that are known but not there yet; within a group too. */
  readonly later: ReadonlySet<string>;
}
