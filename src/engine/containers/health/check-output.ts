import type { Duplex } from "node:stream";

/** SPEC: dockerd keeps so many bytes of a check's output. */
const mostBytes = 4096;
const headerBytes = 8;

/** The beginning of a check's output, of both streams, out of Docker's frames. The rest is left to the keeper. */
export class CheckOutput {
  readonly #stream: Duplex | undefined;
  readonly #kept: Buffer[] = [];
  readonly #end: Promise<void>;
  #keptBytes = 0;
  #isCut = false;
  /** Of the header that is incomplete. */
  #header: Buffer = Buffer.alloc(0);
  /** Of the frame, still to come. */
  #left = 0;

  constructor(stream: Duplex | undefined) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#end = promise;
    if (stream === undefined) {
      resolve();
      return;
    }
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.on("error", () => resolve());
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** Resolves at the end of the output, or after `ms`. The stream is not used any more. */
  async ended(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#end, late]);
    clearTimeout(timer);
    this.#stream?.destroy();
  }

  /** Text that was cut ends with `...`. */
  get text(): string {
    return `${Buffer.concat(this.#kept).toString("utf8")}${this.#isCut ? "..." : ""}`;
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.#isCut) {
      if (this.#left === 0) {
        const missing = headerBytes - this.#header.length;
        this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#header.length < headerBytes) return;
        this.#left = this.#header.readUInt32BE(4);
        this.#header = Buffer.alloc(0);
        continue;
      }
      this.#keep(rest.subarray(0, this.#left));
      const taken = Math.min(rest.length, this.#left);
      this.#left -= taken;
      rest = rest.subarray(taken);
    }
  }

  #keep(bytes: Buffer): void {
    const space = mostBytes - this.#keptBytes;
    const kept = Buffer.from(bytes.subarray(0, space));
    if (kept.length > 0) this.#kept.push(kept);
    this.#keptBytes += kept.length;
    if (bytes.length <= space) return;
    this.#isCut = true;
    // SAFETY: a check that writes without end costs the daemon nothing more; its keeper drops the output.
    this.#stream?.destroy();
  }
}
