interface Head {
  /** The words of the first line. */
  readonly words: readonly string[];
  readonly headers: ReadonlyMap<string, string>;
}

export interface Message extends Head {
  /** Of a body of JSON; else empty. */
  readonly text: string;
}

type State = "head" | "body" | "chunk-size" | "chunk" | "chunk-end" | "until-close" | "raw";

const longestText = 16 << 20;

/** Whether the bytes after this head are its body; "raw": the connection is taken over. */
export type Framing = { readonly bytes: number } | "chunked" | "until-close" | "raw";

/** Reads the messages of one direction of an HTTP/1.1 connection, of which it sees all bytes. */
export class MessageReader {
  readonly #framingOf: (head: Head) => Framing;
  readonly #onMessage: (message: Message) => void;
  #state: State = "head";
  #pending: Buffer = Buffer.alloc(0);
  #left = 0;
  #head: Head | undefined;
  #pieces: Buffer[] = [];
  #textBytes = 0;

  constructor(framingOf: (head: Head) => Framing, onMessage: (message: Message) => void) {
    this.#framingOf = framingOf;
    this.#onMessage = onMessage;
  }

  read(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#step());
  }

  /** At the end of the connection. What is cut gives its whole lines, or nothing. */
  end(): void {
    const isCut = this.#state !== "until-close";
    const hasLine = this.#pieces.some((piece) => piece.includes("\n"));
    if (!["head", "raw"].includes(this.#state) && (!isCut || hasLine)) this.#finish();
    this.#state = "raw";
  }

  /** Whether there may be more to read in what has come. */
  #step(): boolean {
    switch (this.#state) {
      case "raw":
        this.#pending = Buffer.alloc(0);
        return false;
      case "head":
        return this.#readHead();
      case "chunk-size": {
        const line = this.#takeLine();
        if (line === undefined) return false;
        this.#left = Number.parseInt(line, 16);
        this.#state = this.#left > 0 ? "chunk" : "chunk-end";
        return true;
      }
      case "chunk-end": {
        if (this.#takeLine() === undefined) return false;
        if (this.#left === 0) this.#finish();
        else this.#state = "chunk-size";
        return true;
      }
      case "until-close":
        this.#keep(this.#pending);
        this.#pending = Buffer.alloc(0);
        return false;
      case "body":
      case "chunk":
        return this.#readPart();
    }
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [first = "", ...lines] = this.#pending.subarray(0, end).toString("latin1").split("\r\n");
    this.#pending = this.#pending.subarray(end + 4);
    const headers = new Map(
      lines.map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()] as const;
      }),
    );
    this.#head = { words: first.split(" "), headers };
    const framing = this.#framingOf(this.#head);
    if (typeof framing === "string") {
      this.#state = framing === "chunked" ? "chunk-size" : framing;
      return true;
    }
    this.#left = framing.bytes;
    this.#state = "body";
    if (this.#left === 0) this.#finish();
    return true;
  }

  #readPart(): boolean {
    if (this.#pending.length === 0) return false;
    const part = this.#pending.subarray(0, this.#left);
    this.#keep(part);
    this.#pending = this.#pending.subarray(part.length);
    this.#left -= part.length;
    if (this.#left > 0) return false;
    if (this.#state === "body") {
      this.#finish();
      return true;
    }
    this.#left = -1;
    this.#state = "chunk-end";
    return true;
  }

  #keep(bytes: Buffer): void {
    if (!/json/.test(this.#head?.headers.get("content-type") ?? "") || this.#textBytes > longestText) return;
    this.#pieces.push(Buffer.from(bytes));
    this.#textBytes += bytes.length;
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = this.#pending.subarray(0, end).toString("latin1");
    this.#pending = this.#pending.subarray(end + 2);
    return line;
  }

  #finish(): void {
    const head = this.#head ?? { words: [], headers: new Map<string, string>() };
    const isWhole = this.#state !== "until-close" && this.#left === 0 && this.#textBytes <= longestText;
    const text = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.#textBytes = 0;
    this.#state = "head";
    this.#onMessage({ ...head, text: isWhole ? text : text.slice(0, text.lastIndexOf("\n") + 1) });
  }
}

/** How the body of a request is delimited. */
export function requestFraming({ headers }: Head): Framing {
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) return "chunked";
  return { bytes: Number(headers.get("content-length") ?? 0) };
}

/** How the body of the reply to such a request is delimited (RFC 9112, section 6.3). */
export function replyFraming({ words, headers }: Head, method: string): Framing {
  const status = Number(words[1]);
  if (status === 101) return "raw";
  if (status < 200 || status === 204 || status === 304 || method === "HEAD") return { bytes: 0 };
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) return "chunked";
  const length = headers.get("content-length");
  return length === undefined ? "until-close" : { bytes: Number(length) };
}
