import { Failure } from "../../base/failure.ts";

const lineLimit = 16 * 1024;

/**
 * Takes chunked transfer coding apart, given in pieces of any size. Extensions and trailers are read and dropped.
 * SPEC: RFC 9112 section 7.1.
 */
export class ChunkedDecoder {
  #state: "size" | "data" | "data-end" | "trailer" | "done" = "size";
  #line = "";
  #remaining = 0;
  #trailerBytes = 0;
  #rest: Buffer | undefined;

  /** True after the last chunk and its trailers. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** The bytes after the end; they belong to the next reply. */
  get rest(): Buffer | undefined {
    return this.#rest;
  }

  /** The data in this piece. Throws Failure("corrupt") on anything that breaks the format. */
  push(piece: Buffer): Buffer[] {
    const data: Buffer[] = [];
    let at = 0;
    while (at < piece.length && this.#state !== "done") {
      if (this.#state === "data") {
        const part = piece.subarray(at, at + this.#remaining);
        data.push(part);
        at += part.length;
        this.#remaining -= part.length;
        if (this.#remaining === 0) this.#state = "data-end";
      } else at = this.#readLine(piece, at);
    }
    if (this.#state === "done" && at < piece.length) this.#rest = piece.subarray(at);
    return data;
  }

  #readLine(piece: Buffer, at: number): number {
    const end = piece.indexOf(10, at);
    const stop = end < 0 ? piece.length : end + 1;
    this.#line += piece.toString("latin1", at, stop);
    if (this.#line.length > lineLimit) throw refused("a line is too long");
    if (end >= 0) {
      if (!this.#line.endsWith("\r\n")) throw refused("a line end is malformed");
      const line = this.#line.slice(0, -2);
      this.#line = "";
      this.#takeLine(line);
    }
    return stop;
  }

  #takeLine(line: string): void {
    if (this.#state === "size") {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\0\r\n]*)?$/.exec(line);
      if (size === null) throw refused("a chunk's size is malformed");
      this.#remaining = Number.parseInt(size[1] ?? "", 16);
      this.#state = this.#remaining === 0 ? "trailer" : "data";
    } else if (this.#state === "data-end") {
      if (line !== "") throw refused("a chunk is longer than its size");
      this.#state = "size";
    } else {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > lineLimit) throw refused("its trailers are too long");
      if (line === "") this.#state = "done";
    }
  }
}

function refused(detail: string): Failure {
  return new Failure("corrupt", `cannot read the daemon's reply: ${detail}`);
}
