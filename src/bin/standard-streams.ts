import { codeOf } from "../base/failure.ts";
import { fileSystem } from "../cli/builtin-modules.ts";
import type { InputStream, OutputStream } from "../cli/context.ts";

type Event = "drain" | "error" | "close";
type Listener = (argument: unknown) => void;

/**
 * A standard stream to write to. The runtime's own takes longer to open than most commands take in all, so files and
 * pipes are written to directly; a terminal, a socket, or a pipe that is full gets the runtime's.
 */
export function openOutput(fd: 1 | 2): OutputStream {
  const target = findDirectTarget(fd);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has what the command line uses of a stream
  return target === undefined ? streamOf(fd) : (new DirectOutput(fd, target) as unknown as OutputStream);
}

function streamOf(fd: 1 | 2): NodeJS.WriteStream {
  const stream = fd === 1 ? process.stdout : process.stderr;
  return stream.isTTY ? stream : withOrderedCallbacks(stream);
}

type Done = (thrown?: Error | null) => void;

/**
 * BUN(1.4.5): the callback of an empty write runs at once, before earlier bytes are written. So the callback
 * of an empty write waits for those writes.
 */
function withOrderedCallbacks(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = stream.write.bind(stream) as (data: string | Uint8Array, done?: Done) => boolean;
  let written: Promise<void> = Promise.resolve();
  let leave = (): void => undefined;
  stream.once("close", () => leave());
  stream.write = (
    data: string | Uint8Array,
    encodingOrDone?: BufferEncoding | Done,
    last?: Done,
  ): boolean => {
    const done = typeof encodingOrDone === "function" ? encodingOrDone : last;
    if (data.length === 0) {
      if (done !== undefined) void written.then(() => done());
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    written = promise;
    leave = resolve;
    return write(data, (thrown) => {
      resolve();
      done?.(thrown);
    });
  };
  return stream;
}

/** Returns a target that never blocks; undefined when there is no such descriptor. */
function findDirectTarget(fd: 1 | 2): number | undefined {
  const { constants, fstatSync, openSync } = fileSystem();
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() || (stat.isCharacterDevice() && stat.rdev === nullDevice)) return fd;
    // A description of our own: others may share that of the pipe, and don't expect it not to wait.
    if (stat.isFIFO()) return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Closed, or not accessible to this process: the runtime's stream reports it.
  }
  return undefined;
}

const nullDevice = 0x103;

class DirectOutput {
  readonly isTTY = false;
  #isBroken = false;
  readonly #fd: 1 | 2;
  readonly #target: number;
  /** Replaced, never changed: an event may be iterating over it. */
  #listeners: readonly (readonly [Event, Listener])[] = [];
  #stream: NodeJS.WriteStream | undefined;

  constructor(fd: 1 | 2, target: number) {
    this.#fd = fd;
    this.#target = target;
  }

  get writable(): boolean {
    return this.#stream?.writable ?? !this.#isBroken;
  }

  write(data: string | Uint8Array, done?: () => void): boolean {
    if (this.#stream !== undefined) return this.#stream.write(data, done);
    const { writeSync } = fileSystem();
    let bytes = typeof data === "string" ? Buffer.from(data) : data;
    try {
      while (bytes.length > 0 && !this.#isBroken) bytes = bytes.subarray(writeSync(this.#target, bytes));
    } catch (thrown) {
      if (codeOf(thrown) === "EAGAIN") return this.#fallBack(bytes, done);
      this.#isBroken = true;
      queueMicrotask(() => this.#emit("error", thrown));
    }
    if (done !== undefined) queueMicrotask(done);
    return true;
  }

  on(event: Event, listener: Listener): this {
    if (this.#stream === undefined) this.#listeners = [...this.#listeners, [event, listener]];
    else this.#stream.on(event, listener);
    return this;
  }

  once(event: Event, listener: Listener): this {
    if (this.#stream !== undefined) {
      this.#stream.once(event, listener);
      return this;
    }
    const once = (argument: unknown): void => {
      this.removeListener(event, once);
      listener(argument);
    };
    return this.on(event, once);
  }

  removeListener(event: Event, listener: Listener): this {
    this.#stream?.removeListener(event, listener);
    this.#listeners = this.#listeners.filter(([name, each]) => name !== event || each !== listener);
    return this;
  }

  /** The reader is slower than we are: from here on the runtime's stream waits for it. */
  #fallBack(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#target !== this.#fd) fileSystem().closeSync(this.#target);
    this.#stream = streamOf(this.#fd);
    for (const [event, listener] of this.#listeners) this.#stream.on(event, listener);
    this.#listeners = [];
    return this.#stream.write(bytes, done);
  }

  #emit(event: Event, argument: unknown): void {
    for (const [name, listener] of this.#listeners) if (name === event) listener(argument);
  }
}

const pieceBytes = 64 * 1024;
const againMs = 5;

/**
 * Opens standard input for reading. BUN(1.4.5): on a socket, which Node and Bun pass to their children, one of fifty
 * streams of the runtime that were paused in between never reports the end.
 */
export function openInput(): InputStream {
  return isSocket() ? (readInput() as InputStream) : process.stdin;
}

function isSocket(): boolean {
  try {
    return fileSystem().fstatSync(0).isSocket();
  } catch {
    return false; // closed: the runtime's stream reports it
  }
}

/** Reads in another thread, one chunk on each request. */
function readInput(): NodeJS.ReadableStream {
  const { Readable } = process.getBuiltinModule("node:stream");
  const { read } = fileSystem();
  return new Readable({
    highWaterMark: pieceBytes,
    read() {
      const piece = Buffer.allocUnsafe(pieceBytes);
      const once = (): void =>
        read(0, piece, 0, pieceBytes, null, (thrown, bytes) => {
          // Others that share it may have made it one that does not wait.
          if (thrown?.code === "EAGAIN") setTimeout(once, againMs);
          else if (thrown) this.destroy(thrown);
          else this.push(bytes === 0 ? null : piece.subarray(0, bytes));
        });
      once();
    },
  });
}
