import type { LogEntry, ReadLogOptions } from "./log-entry.ts";
import { LogChange } from "./records/log-change.ts";
import { findTailStart, type TailStart } from "./records/find-tail.ts";
import { LineAssembler, type LineFilter } from "./records/line-assembler.ts";
import type { LogFile } from "./records/log-file.ts";
import { LogFiles } from "./records/log-files.ts";
import { LogPosition } from "./records/log-position.ts";

/**
 * Reads the log that a keeper writes in `directory`, oldest entry first, across rotations: no line is lost or
 * given twice when one happens meanwhile. A directory without log has no entries. An unfinished line is given
 * as it is when the reading ends. Ends without error when `signal` fires. Throws "corrupt" for foreign files.
 */
export async function* readLog(directory: string, options: ReadLogOptions = {}): AsyncIterable<LogEntry> {
  for await (const entries of readLogBatches(directory, options)) yield* entries;
}

/** As readLog(), many entries at a time: for large logs several times faster. */
export async function* readLogBatches(
  directory: string,
  options: ReadLogOptions = {},
): AsyncIterable<readonly LogEntry[]> {
  if (isAborted(options)) return;
  using files = new LogFiles(directory);
  using change = options.follow === true ? new LogChange(directory, files, options) : undefined;
  const limits = limitsOf(files.all, change !== undefined);
  const filter = filterOf(options);
  const start = await startOf(files.all, { filter, limits, options });
  if (start === undefined) return;
  for (let index = 0; index < start.fileIndex; index++) {
    files.pass();
    limits.shift();
  }
  const assembler = new LineAssembler(filter, start.skip, start.state);
  let position: LogPosition | undefined;
  let offset = start.offset;
  for (;;) {
    const hasEnded = change === undefined || change.hasEnded;
    const hasNewer = change === undefined ? files.all.length > 1 : files.keepUp();
    const file = files.all[0];
    if (file !== undefined && position?.file !== file) {
      position = new LogPosition(file, {
        offset,
        limit: limits[0],
      });
      offset = undefined;
    }
    const moved = (await position?.advance(assembler)) ?? false;
    const entries = assembler.take();
    if (entries.length > 0) yield entries;
    if (isAborted(options)) return;
    if (assembler.isPast) break;
    if (moved) continue;
    if (hasNewer) {
      // SAFETY: the newer file was there before the last look at this one, so this one is complete.
      files.pass();
      limits.shift();
    } else if (hasEnded) break;
    else await change?.next();
  }
  assembler.flush();
  const rest = assembler.take();
  if (rest.length > 0) yield rest;
}

async function startOf(
  files: readonly LogFile[],
  what: { readonly filter: LineFilter; readonly limits: readonly number[]; readonly options: ReadLogOptions },
): Promise<TailStart | undefined> {
  const { tail, follow = false, signal } = what.options;
  if (tail === undefined) return { fileIndex: 0, offset: undefined, state: undefined, skip: 0 };
  try {
    return await findTailStart(files, {
      filter: what.filter,
      limits: what.limits,
      tail,
      withUnfinished: !follow,
      signal,
    });
  } catch (thrown) {
    if (signal?.aborted === true) return undefined;
    throw thrown;
  }
}

function isAborted({ signal }: ReadLogOptions): boolean {
  return signal?.aborted ?? false;
}

/** Without `follow`, the reader ends at the state of the start. */
function limitsOf(files: readonly LogFile[], follows: boolean): number[] {
  return follows ? [] : files.map((file) => file.sizeBytes());
}

function filterOf(options: ReadLogOptions): LineFilter {
  return {
    stdout: options.stdout ?? true,
    stderr: options.stderr ?? true,
    sinceNs: options.sinceNs,
    untilNs: options.untilNs,
    startsNs: options.startsNs ?? [],
  };
}
