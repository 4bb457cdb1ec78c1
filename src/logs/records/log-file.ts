import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { codeOf, Failure, within } from "../../base/failure.ts";

/** The first bytes of each file, before its 64-bit sequence number. `native/plan.h` has the same. */
export const logMagic = "TARELOG2";
/** Of files that Tare 0.1 has begun: records cross the ends of blocks, and open streams are not marked. */
const magicWithoutBlocks = "TARELOG1";
export const fileHeaderBytes = 16;
/** Length, stream, open streams, 2 zero bytes, nanoseconds since 1970. */
export const recordHeaderBytes = 16;
/** A record begins at each multiple. Fewer than 17 bytes before one are padding. */
export const logBlockBytes: number = 256 * 1024;
export const mostRecordBytes = 65536;

interface LogFileIdentity {
  readonly sequence: bigint;
  readonly inode: bigint;
  readonly blockBytes: number;
}

/** One file of a container's log, held open: rotation and removal don't take it away. */
export class LogFile implements Disposable {
  readonly sequence: bigint;
  readonly inode: bigint;
  /** Infinite for a file without blocks. */
  readonly blockBytes: number;
  readonly #fd: number;

  constructor(fd: number, identity: LogFileIdentity) {
    this.#fd = fd;
    this.sequence = identity.sequence;
    this.inode = identity.inode;
    this.blockBytes = identity.blockBytes;
  }

  sizeBytes(): number {
    return fstatSync(this.#fd).size;
  }

  /** Bytes from `offset` into the whole buffer, as many as there are. */
  read(buffer: Uint8Array, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, buffer, 0, buffer.length, offset, (error, length) => {
        if (error === null) resolve(length);
        else reject(new Failure("internal", `cannot read the log: ${error.message}`, { cause: error }));
      });
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Opens a log file; undefined while there is none or it has no header yet. Throws "corrupt" for anything else. */
export function findLogFile(path: string): LogFile | undefined {
  // SAFETY: never a link's target, never waits on a fifo; what is no regular file is refused below.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw within(`cannot open the log "${path}"`, thrown);
  }
  const identity = identify(fd);
  if (typeof identity === "object") return new LogFile(fd, identity);
  closeSync(fd);
  if (identity === "empty") return undefined;
  throw new Failure("corrupt", `cannot read the log "${path}": it is not one of Tare's log files`);
}

function identify(fd: number): LogFileIdentity | "empty" | "foreign" {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile()) return "foreign";
  const header = Buffer.alloc(fileHeaderBytes);
  const length = readSync(fd, header, 0, header.length, 0);
  if (length < header.length) return "empty";
  const magic = header.toString("latin1", 0, 8);
  if (magic !== logMagic && magic !== magicWithoutBlocks) return "foreign";
  const blockBytes = magic === logMagic ? logBlockBytes : Number.POSITIVE_INFINITY;
  return { sequence: header.readBigUInt64LE(8), inode: stat.ino, blockBytes };
}
