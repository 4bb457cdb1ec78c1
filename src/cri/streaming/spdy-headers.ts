import { createInflate, type Inflate } from "node:zlib";
import { SpdyError } from "./spdy-frames.ts";

/** SPEC: SPDY 3, 2.6.10.1: the words that header blocks are compressed with, each after its length, and text after them. */
const words = [
  ..."options head post put delete trace accept accept-charset accept-encoding accept-language".split(" "),
  ..."accept-ranges age allow authorization cache-control connection content-base".split(" "),
  ..."content-encoding content-language content-length content-location content-md5".split(" "),
  ..."content-range content-type date etag expect expires from host if-match".split(" "),
  ..."if-modified-since if-none-match if-range if-unmodified-since last-modified location".split(" "),
  ..."max-forwards pragma proxy-authenticate proxy-authorization range referer".split(" "),
  ..."retry-after server te trailer transfer-encoding upgrade user-agent vary via".split(" "),
  ..."warning www-authenticate method get status".split(" "),
  "200 OK",
  ..."version HTTP/1.1 url public set-cookie keep-alive origin".split(" "),
];
const codes =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized" +
  "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable";
const dates =
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT";
const values =
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain," +
  "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

export const dictionary: Buffer = Buffer.concat([
  ...words.flatMap((word) => [uint32(word.length), Buffer.from(word)]),
  Buffer.from(codes + dates + values),
]);

/** Of one block, unpacked. */
const mostHeaderBytes = 64 * 1024;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Headers of a peer's blocks, which are one compressed stream for the whole connection. Dispose of it at its end. */
export class HeaderReader implements Disposable {
  readonly #inflate: Inflate = createInflate({ dictionary });
  #pieces: Buffer[] = [];
  #bytes = 0;
  #error: Error | undefined;
  #onDone: () => void = () => {};

  constructor() {
    this.#inflate.on("data", (piece: Buffer) => {
      this.#bytes += piece.length;
      if (this.#bytes <= mostHeaderBytes) this.#pieces.push(piece);
      else this.#fail(new SpdyError(`a header block has more than ${mostHeaderBytes} bytes`));
    });
    this.#inflate.on("error", (error) =>
      this.#fail(new SpdyError(`a header block is malformed: ${error.message}`)),
    );
  }

  /** Blocks are to be read one after another, in their order. Names are in lower case. Throws SpdyError. */
  async read(block: Uint8Array): Promise<ReadonlyMap<string, string>> {
    this.#pieces = [];
    this.#bytes = 0;
    if (this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#onDone = resolve;
        this.#inflate.write(block, () => resolve());
      });
    }
    if (this.#error !== undefined) throw this.#error;
    return parseHeaders(Buffer.concat(this.#pieces));
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#pieces = [];
    this.#inflate.destroy();
    this.#onDone();
  }

  [Symbol.dispose](): void {
    this.#fail(new SpdyError("the connection is closed"));
  }
}

/** SPEC: SPDY 3, 2.6.10. */
function parseHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new SpdyError("a header block ends too early");
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new SpdyError("a header block ends too early");
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left--) headers.set(text().toLowerCase(), text());
  return headers;
}

/**
 * Blocks without headers, which are all that this side sends: the first, and each one after it. They are stored, not
 * compressed, and end with an empty piece of data, so that readers need no byte of the next.
 * SPEC: RFC 1950 and 1951; a dictionary is named by its checksum.
 */
export function emptyBlock(isFirst: boolean): Buffer {
  const head = isFirst ? Buffer.from("78bbe3c6a7c2", "hex") : Buffer.alloc(0);
  const noHeaders = Buffer.from("000400fbff00000000", "hex");
  const flush = Buffer.from("000000ffff", "hex");
  return Buffer.concat([head, noHeaders, flush]);
}
