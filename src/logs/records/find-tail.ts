import { required } from "../../base/required.ts";
import { type AssemblerState, LineAssembler, type LineFilter } from "./line-assembler.ts";
import { fileHeaderBytes, type LogFile, recordHeaderBytes } from "./log-file.ts";
import { LogPosition } from "./log-position.ts";

/** Each look further back reads so many times as many blocks. */
const GROWTH = 4;

/** Where to begin reading so that the last entries come, and how many to drop first. */
export interface TailStart {
  readonly fileIndex: number;
  readonly offset: number | undefined;
  readonly state: AssemblerState | undefined;
  /** Entries up to this number are not wanted. */
  readonly skip: number;
}

type BlockStart = Omit<TailStart, "skip">;

const beginning: BlockStart = { fileIndex: 0, offset: undefined, state: undefined };

interface TailOptions {
  readonly filter: LineFilter;
  readonly tail: number;
  /** Bounds each file. */
  readonly limits: readonly number[];
  /** Lines without end count too. */
  readonly withUnfinished: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads the log's last block, then the last four and so on, until they contain the tail. Records cannot be read
 * backward, but one begins at each block, and contains which streams have an unfinished line there.
 */
export async function findTailStart(files: readonly LogFile[], options: TailOptions): Promise<TailStart> {
  let start: BlockStart = files.length === 0 ? beginning : { ...beginning, fileIndex: files.length };
  for (let blocks = 1; ; blocks *= GROWTH) {
    for (let count = 0; count < blocks && start !== beginning; count++) {
      options.signal?.throwIfAborted();
      start = await blockBefore(files, start, options);
    }
    const counter = await countFrom(files, start, options);
    const hasTail = counter.certainCount !== undefined && counter.certainCount >= options.tail;
    if (hasTail || start === beginning) return { ...start, skip: Math.max(0, counter.count - options.tail) };
  }
}

/** The nearest block before `from` whose state is known. */
async function blockBefore(
  files: readonly LogFile[],
  from: BlockStart,
  { limits }: TailOptions,
): Promise<BlockStart> {
  let { fileIndex, offset = 0 } = from;
  for (;;) {
    while (offset === 0) {
      if (--fileIndex < 0) return beginning;
      const { blockBytes } = required(files[fileIndex]);
      const end = endOf(files, { fileIndex, limits });
      offset = blockBytes === Number.POSITIVE_INFINITY ? 0 : Math.ceil(end / blockBytes) * blockBytes;
    }
    const file = required(files[fileIndex]);
    offset -= file.blockBytes;
    if (fileIndex === 0 && offset === 0) return beginning;
    const cut = await readCut(file, Math.max(offset, fileHeaderBytes), endOf(files, { fileIndex, limits }));
    if (cut !== undefined)
      return { fileIndex, offset: offset || undefined, state: { count: 0, open: [], cut } };
  }
}

/** Of the record at `offset`; undefined where no record has been written. */
async function readCut(file: LogFile, offset: number, end: number): Promise<AssemblerState["cut"]> {
  const header = Buffer.alloc(recordHeaderBytes);
  if (offset + header.length > end || (await file.read(header, offset)) < header.length) return undefined;
  const open = header.readUInt8(5);
  return { stdout: (open & 1) !== 0, stderr: (open & 2) !== 0, timeNs: header.readBigUInt64LE(8) };
}

async function countFrom(
  files: readonly LogFile[],
  start: BlockStart,
  { filter, limits, signal, withUnfinished }: TailOptions,
): Promise<LineAssembler> {
  const counter = new LineAssembler(filter, Number.POSITIVE_INFINITY, start.state);
  let { offset } = start;
  for (let fileIndex = start.fileIndex; fileIndex < files.length && !counter.isPast; fileIndex++) {
    const limit = limits[fileIndex];
    const position = new LogPosition(required(files[fileIndex]), { offset, limit });
    offset = undefined;
    while (!counter.isPast && (await position.advance(counter))) signal?.throwIfAborted();
  }
  if (withUnfinished) counter.flush();
  return counter;
}

function endOf(
  files: readonly LogFile[],
  { fileIndex, limits }: { readonly fileIndex: number; readonly limits: readonly number[] },
): number {
  return Math.min(required(files[fileIndex]).sizeBytes(), limits[fileIndex] ?? Number.POSITIVE_INFINITY);
}
