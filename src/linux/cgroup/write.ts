/** One file of a cgroup and what is written to it. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
}
