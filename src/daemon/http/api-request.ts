import { Readable } from "node:stream";
import type { RequestHead } from "../../api/http/request-head.ts";

/** A request: its head, and its body to be read. "close" without "end" before it: the client has gone. */
export class ApiRequest extends Readable {
  readonly head: RequestHead;
  readonly #onRead: () => void;

  constructor(head: RequestHead, onRead: () => void) {
    super();
    this.head = head;
    this.#onRead = onRead;
    this.on("error", () => {});
  }

  get method(): string {
    return this.head.method;
  }

  get url(): string {
    return this.head.url;
  }

  /** By its name in lower case. */
  header(name: string): string | undefined {
    return this.head.headers.get(name);
  }

  override _read(): void {
    this.#onRead();
  }
}
