/** The size of a tree; a file with several names counts once. */
export interface TreeSize {
  /** Space taken on disk; blocks that files share with others are counted, too. */
  readonly bytes: number;
  readonly inodes: number;
  /** Length of the files and links, as Docker shows sizes. */
  readonly contentBytes: number;
}
