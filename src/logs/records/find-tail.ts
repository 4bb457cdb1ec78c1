import { required } from "../../base/required.ts";
import { type AssemblerState, LineAssembler, type LineFilter } from "./line-assembler.ts";
import type { LogFile } from "./log-file.ts";
import { LogPosition } from "./log-position.ts";

const CHECKPOINT_BYTES = 1024 * 1024;

/** Where to begin reading so that the last entries come, and how many to drop first. */
export interface TailStart {
  readonly fileIndex: number;
  readonly offset: number | undefined;
  readonly state: AssemblerState | undefined;
  /** Entries up to this number are not wanted. */
  readonly skip: number;
}

interface Checkpoint {
  readonly fileIndex: number;
  readonly offset: number | undefined;
  readonly state: AssemblerState | undefined;
}

/**
 * Counts forward (records cannot be read backward) and remembers only the positions at which the tail may start.
 * `limits` bounds each file; `withUnfinished` counts lines without end too.
 */
export async function findTailStart(
  files: readonly LogFile[],
  options: {
    readonly filter: LineFilter;
    readonly tail: number;
    readonly limits: readonly number[];
    readonly withUnfinished: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<TailStart> {
  const counter = new LineAssembler(options.filter, Number.POSITIVE_INFINITY);
  const checkpoints: Checkpoint[] = [{ fileIndex: 0, offset: undefined, state: undefined }];
  const countAt = (index: number): number => checkpoints[index]?.state?.count ?? 0;
  for (let fileIndex = 0; fileIndex < files.length && !counter.isPast; fileIndex++) {
    const position = new LogPosition(required(files[fileIndex]), {
      limit: options.limits[fileIndex] ?? Number.POSITIVE_INFINITY,
    });
    let marked = position.offset;
    while (!counter.isPast && (await position.advance(counter))) {
      options.signal?.throwIfAborted();
      if (position.offset - marked < CHECKPOINT_BYTES) continue;
      marked = position.offset;
      checkpoints.push({ fileIndex, offset: position.offset, state: counter.state() });
      while (checkpoints.length > 1 && countAt(1) <= counter.count - options.tail) checkpoints.shift();
    }
  }
  if (options.withUnfinished) counter.flush();
  const skip = Math.max(0, counter.count - options.tail);
  while (checkpoints.length > 1 && countAt(1) <= skip) checkpoints.shift();
  const start = required(checkpoints[0]);
  return { ...start, skip };
}
