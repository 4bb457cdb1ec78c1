import { Failure } from "../../base/failure.ts";
import type { RequestBodyKind } from "../../api/http/request-head.ts";

/** The size of a chunk with extensions, or one field behind the last chunk. */
const lineLimitBytes = 4096;
const trailerLimitLines = 64;

/** Finds the end of a request's body, and takes chunks apart. */
export class BodyDecoder {
  readonly #isChunked: boolean;
  /** Of the body, or of the chunk, that has not come yet. */
  #left = 0;
  #state: "size" | "data" | "data end" | "trailer" | "done";
  #line = "";
  #trailers = 0;

  constructor(body: RequestBodyKind) {
    this.#isChunked = body.kind === "chunked";
    if (body.kind === "length") this.#left = body.bytes;
    this.#state = body.kind === "none" ? "done" : body.kind === "chunked" ? "size" : "data";
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /** Passes the content to `take`, and returns the bytes after the body. Throws Failure("invalid"). */
  push(bytes: Buffer, take: (piece: Buffer) => void): Buffer {
    let rest = bytes;
    while (rest.length > 0 && this.#state !== "done") {
      rest = this.#state === "data" ? this.#takeData(rest, take) : this.#takeLine(rest);
    }
    return rest;
  }

  #takeData(bytes: Buffer, take: (piece: Buffer) => void): Buffer {
    const piece = bytes.subarray(0, this.#left);
    this.#left -= piece.length;
    if (this.#left === 0) this.#state = this.#isChunked ? "data end" : "done";
    take(piece);
    return bytes.subarray(piece.length);
  }

  #takeLine(bytes: Buffer): Buffer {
    const at = bytes.indexOf(10);
    const end = at < 0 ? bytes.length : at + 1;
    this.#line += bytes.toString("latin1", 0, end);
    if (this.#line.length > lineLimitBytes) throw malformed();
    if (at >= 0) {
      if (!this.#line.endsWith("\r\n")) throw malformed();
      const line = this.#line.slice(0, -2);
      this.#line = "";
      this.#onLine(line);
    }
    return bytes.subarray(end);
  }

  #onLine(line: string): void {
    if (this.#state === "data end") {
      if (line !== "") throw malformed();
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (line === "") this.#state = "done";
      else if (++this.#trailers > trailerLimitLines) throw malformed();
    } else {
      const size = /^([0-9a-fA-F]{1,12})(?:[ \t]*;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw malformed();
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}

function malformed(): Failure {
  return new Failure("invalid", "cannot read the request: a chunk of its body is malformed");
}
