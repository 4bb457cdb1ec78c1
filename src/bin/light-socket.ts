import type { Address, ClientSocket } from "../client/http/socket.ts";

type Event = "data" | "end" | "close" | "drain" | "error" | "newListener";
type Listener = (argument: never) => void;

// The first Buffer.from() of a text takes 0.1 ms.
const encoder = new TextEncoder();

/**
 * A socket as the client needs it, on Bun's own: node:net and what it stands on take longer to load than a whole
 * command takes. For unix sockets; events come as those of node:net do.
 */
export class LightSocket implements ClientSocket {
  destroyed = false;
  /** Lists are replaced, never changed: an event may be iterating over one. */
  readonly #listeners = new Map<Event, readonly Listener[]>();
  readonly #unread: Buffer[] = [];
  readonly #unwritten: { readonly bytes: Uint8Array; readonly done: (() => void) | undefined }[] = [];
  #socket: Bun.Socket | undefined;
  #isPaused = false;
  /** The kernel keeps what comes now. */
  #isHalted = false;
  #isEnding = false;
  #isOver = false;
  #hasEmittedEnd = false;
  #isClosed = false;
  #hasEmittedClose = false;

  /** Connected. Rejects with the system's code. */
  static async connect({ path }: Extract<Address, { readonly path: string }>): Promise<LightSocket> {
    const light = new LightSocket();
    await Bun.connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          light.#socket = socket;
        },
        data: (_, piece) => light.#receive(piece),
        drain: () => light.#send(),
        end: () => {
          light.#isOver = true;
          light.#emitPending();
        },
        close: (_, error) => light.#close(error),
        error: (_, error) => light.#emit("error", error),
        connectError: () => {}, // the promise reports it
      },
    });
    return light;
  }

  get writable(): boolean {
    return !this.#isEnding && !this.#isClosed && !this.destroyed;
  }

  on(event: Event, listener: Listener): this {
    this.#emit("newListener", event);
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    if (event === "data" && !this.#isPaused) this.#emitSoon();
    return this;
  }

  once(event: Event, listener: Listener): this {
    const once = (argument: never): void => {
      this.off(event, once);
      listener(argument);
    };
    return this.on(event, once);
  }

  off(event: Event, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(
      event,
      listeners.filter((each) => each !== listener),
    );
    return this;
  }

  /**
   * Stops the kernel's events only when the next chunk arrives: most callers resume before that, and two changes of the
   * poll set cost more than a read.
   */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#emitSoon();
  }

  unshift(piece: Buffer): void {
    this.#unread.unshift(piece);
  }

  write(data: string | Uint8Array, done?: () => void): boolean {
    if (!this.writable) return false;
    this.#unwritten.push({ bytes: typeof data === "string" ? encoder.encode(data) : data, done });
    if (this.#unwritten.length === 1) this.#send();
    return this.#unwritten.length === 0;
  }

  end(last?: string | Uint8Array): void {
    if (last !== undefined) this.write(last);
    this.#isEnding = true;
    if (this.#unwritten.length === 0) this.#socket?.shutdown();
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#unread.length = 0;
    this.#unwritten.length = 0;
    if (error !== undefined) this.#emit("error", error);
    if (!this.#isClosed) this.#socket?.terminate();
    this.#isClosed = true;
    this.#emitSoon();
  }

  ref(): void {
    this.#socket?.ref();
  }

  unref(): void {
    this.#socket?.unref();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    const pieces: Buffer[] = [];
    let failure: Error | undefined;
    let isOver = false;
    let wake = (): void => {};
    this.on("data", (piece: Buffer) => {
      pieces.push(piece);
      this.pause();
      wake();
    });
    const onEnd = (error?: Error): void => {
      failure = error;
      isOver = true;
      wake();
    };
    for (const event of ["end", "close", "error"] as const) this.on(event, onEnd);
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) yield piece;
        else if (failure !== undefined) throw failure;
        else if (isOver) return;
        else {
          const changed = new Promise<void>((resolve) => {
            wake = resolve;
          });
          this.resume();
          await changed;
        }
      }
    } finally {
      this.destroy();
    }
  }

  #receive(piece: Buffer): void {
    // Bun uses its buffer again.
    this.#unread.push(Buffer.from(piece));
    this.#emitPending();
    if (this.#unread.length > 0 && !this.#isHalted && !this.destroyed) {
      this.#isHalted = true;
      this.#socket?.pause();
    }
  }

  #send(): void {
    for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
      const { bytes, done } = next;
      const sent = this.#socket?.write(bytes) ?? -1;
      if (sent < bytes.length) {
        if (sent > 0) this.#unwritten[0] = { bytes: bytes.subarray(sent), done };
        return;
      }
      this.#unwritten.shift();
      if (done !== undefined) queueMicrotask(done);
    }
    if (this.#isEnding) this.#socket?.shutdown();
    this.#emit("drain");
  }

  #close(error: Error | undefined): void {
    this.#isClosed = true;
    this.#isOver = true;
    if (error !== undefined && !this.destroyed) this.#emit("error", error);
    this.#emitPending();
  }

  /** Not synchronously: the caller that resumes is ready for events only later. */
  #emitSoon(): void {
    queueMicrotask(() => this.#emitPending());
  }

  /** Emits received data in order, as long as a listener is registered. */
  #emitPending(): void {
    while (!this.#isPaused && this.#hears("data")) {
      const piece = this.#unread.shift();
      if (piece === undefined) break;
      this.#emit("data", piece);
    }
    if (this.#unread.length > 0 || (this.#isPaused && !this.destroyed)) return;
    if (this.#isHalted && !this.#isClosed) {
      this.#isHalted = false;
      this.#socket?.resume();
    }
    if (this.#isOver && !this.#hasEmittedEnd && !this.destroyed) {
      this.#hasEmittedEnd = true;
      this.#emit("end");
    }
    if (this.#isClosed && !this.#hasEmittedClose) {
      this.#hasEmittedClose = true;
      this.destroyed = true;
      this.#emit("close");
    }
  }

  #hears(event: Event): boolean {
    return (this.#listeners.get(event)?.length ?? 0) > 0;
  }

  #emit(event: Event, argument?: unknown): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- on() has related listener and event
    for (const listener of this.#listeners.get(event) ?? []) listener(argument as never);
  }
}
