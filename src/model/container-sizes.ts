/** Of a container, as Docker counts: the length of files, a file with several names once. */
export interface ContainerSizes {
  /** Files that it has made or changed. */
  readonly writtenBytes: number;
  /** All that it sees: its image's and those. */
  readonly rootBytes: number;
}
