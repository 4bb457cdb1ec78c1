/** One file of a cgroup and what is written to it. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
  /** Of a file with a line for each of several things: with what its line begins (`8:0`, `default`). */
  readonly key?: string | undefined;
  /** What is written to take it back where there was no such line before. */
  readonly undo?: string | undefined;
}
