import type { Stat } from "../files/stat.ts";

/** The changes in a snapshot since it was made that a file system itself can report. */
export interface SnapshotChanges {
  /** Whether this directory of the snapshot is as it was, names and all; what is below it may have changed. */
  isUntouched(directory: Stat): boolean;
  /** Names in it behind which something has changed. */
  namesIn(directory: Stat): readonly string[];
}
