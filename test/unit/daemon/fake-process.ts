import { Duplex } from "node:stream";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import type { LogEntry } from "../../../src/model/logs.ts";
import type { ExitStatus } from "../../../src/model/container-state.ts";
import type { AttachedStream, AttachOptions } from "../../../src/model/streams.ts";

/** A process that exists in memory only: `echo WORDS`, `cat`, `sleep SECONDS`, `exit CODE`, `flood BYTES`. */
export class FakeProcess {
  readonly log: LogEntry[] = [];
  readonly exited: Promise<ExitStatus>;
  readonly resizes: { readonly columns: number; readonly rows: number }[] = [];
  readonly inputs: string[] = [];
  isStdinEnded = false;
  readonly #terminal: boolean;
  readonly #command: readonly string[];
  readonly #attached = new Set<Duplex>();
  readonly #end = Promise.withResolvers<ExitStatus>();
  readonly #started = Promise.withResolvers<void>();
  #isRunning = false;
  #isEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(command: readonly string[], terminal: boolean) {
    this.#command = command;
    this.#terminal = terminal;
    this.exited = this.#end.promise;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get attachedCount(): number {
    return this.#attached.size;
  }

  start(): void {
    this.#isRunning = true;
    this.#started.resolve();
    const [program = "", ...words] = this.#command;
    if (program === "echo") void this.output("stdout", `${words.join(" ")}\n`).then(() => this.end(0));
    else if (program === "exit") this.end(Number(words[0]));
    else if (program === "sleep") this.#timer = setTimeout(() => this.end(0), Number(words[0]) * 1000);
    else if (program === "flood") void this.#flood(Number(words[0]));
  }

  attach(options: AttachOptions): AttachedStream {
    const duplex: Duplex = new Duplex({
      allowHalfOpen: true,
      highWaterMark: 64 * 1024,
      read: () => {
        duplex.emit("wanted");
      },
      write: (bytes: Buffer, _, done) => {
        this.inputs.push(bytes.toString());
        // As a pipe: nothing is lost before the program reads.
        const echoes = this.#command[0] === "cat";
        void this.#started.promise
          .then(() => (echoes ? this.output("stdout", bytes) : undefined))
          .then(() => done());
      },
      final: (done) => {
        this.isStdinEnded = true;
        if (this.#command[0] === "cat") this.end(0);
        done();
      },
    });
    duplex.on("close", () => this.#attached.delete(duplex));
    if (options.logs === true)
      for (const { stream, bytes } of this.log) duplex.push(this.#encode(stream, bytes));
    if (this.#isEnded || options.stream === false) duplex.push(null);
    else this.#attached.add(duplex);
    return { terminal: this.#terminal, duplex };
  }

  async output(stream: "stdout" | "stderr", data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (this.#command[0] !== "flood") {
      this.log.push({ stream, bytes, timeNs: 1_700_000_000_123_456_789n + BigInt(this.log.length) });
    }
    for (const duplex of this.#attached) {
      if (duplex.push(this.#encode(stream, bytes))) continue;
      await new Promise<void>((resolve) => {
        duplex.once("wanted", resolve);
        duplex.once("close", resolve);
      });
    }
  }

  end(code: number): void {
    if (this.#isEnded) return;
    clearTimeout(this.#timer);
    this.#isEnded = true;
    this.#isRunning = false;
    for (const duplex of this.#attached) duplex.push(null);
    this.#end.resolve({ code, oomKilled: false });
  }

  /** How many bytes of a flood went out so far. */
  floodedBytes = 0;

  async #flood(bytes: number): Promise<void> {
    const piece = Buffer.alloc(64 * 1024, "x");
    while (this.floodedBytes < bytes && this.#attached.size > 0) {
      await this.output("stdout", piece);
      this.floodedBytes += piece.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.end(0);
  }

  #encode(stream: "stdout" | "stderr", bytes: Uint8Array): Uint8Array {
    return this.#terminal ? bytes : encodeFrame(stream, bytes);
  }
}
