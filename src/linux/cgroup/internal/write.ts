/** One file of a cgroup and what is written to it. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
  /** Of a file with a line for each of several things: with what its line begins (`8:0`, `default`). */
  readonly key?: string | undefined;
  /** The value that undoes the write when there was no such line before. */
  readonly undo?: string | undefined;
}
