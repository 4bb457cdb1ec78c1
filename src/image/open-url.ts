import { Failure } from "../base/failure.ts";
import { bodyOf, Connections, type WireReply } from "./registry/connection.ts";
import { discard } from "./registry/repository.ts";

const maxRedirects = 10;

export interface OpenUrlOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly proxyOf?: ((url: URL) => Promise<URL | undefined>) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Nothing came for so long: the connection counts as dead. Default 60 s. */
  readonly idleMs?: number | undefined;
}

/** The final reply of a URL. Disposing closes its connection. */
export interface UrlReply extends Disposable {
  readonly status: number;
  readonly headers: WireReply["headers"];
  /** Throws "unavailable" where it is cut off. */
  body(): AsyncIterable<Uint8Array>;
}

/**
 * Asks for an http or https URL, and follows redirects. Credentials in the headers go to the first host alone. Throws
 * "invalid" for another kind of URL, "unavailable" where the server can't be reached, "corrupt" for redirects in
 * circles and those that leave encryption.
 */
export async function openUrl(
  from: URL,
  { headers, proxyOf, signal, idleMs }: OpenUrlOptions = {},
): Promise<UrlReply> {
  let url = from;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    if (url.protocol !== "http:" && url.protocol !== "https:")
      throw new Failure("invalid", `cannot read "${shownUrl(url)}": it must be http or https`);
    if (from.protocol === "https:" && url.protocol === "http:")
      throw new Failure(
        "corrupt",
        `cannot read "${shownUrl(from)}": it redirects to ${url.origin}, unencrypted`,
      );
    const proxy = await proxyOf?.(url);
    using held = new DisposableStack();
    const connections = held.use(new Connections({ proxy, idleMs }));
    const sent = url.origin === from.origin ? headers : withoutCredentials(headers);
    const reply = await connections.send({ method: "GET", url, headers: sent, signal });
    const { location } = reply.headers;
    if ([301, 302, 303, 307, 308].includes(reply.status) && location !== undefined) {
      discard(reply);
      if (!URL.canParse(location, url.href))
        throw new Failure("corrupt", `cannot read "${shownUrl(from)}": it redirects to what is no URL`);
      url = new URL(location, url.href);
      continue;
    }
    held.defer(() => void reply.body.destroy());
    const kept = held.move();
    const found = url;
    return {
      status: reply.status,
      headers: reply.headers,
      body: () => bodyOf(reply, found),
      [Symbol.dispose]: () => kept.dispose(),
    };
  }
  throw new Failure("corrupt", `cannot read "${shownUrl(from)}": stopped after ${maxRedirects} redirects`);
}

/** A URL for messages: without its credentials. */
export function shownUrl(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const copy = new URL(url.href);
  copy.username = "xxxxx";
  copy.password = "xxxxx";
  return copy.href;
}

function withoutCredentials(headers: OpenUrlOptions["headers"]): OpenUrlOptions["headers"] {
  if (headers === undefined) return undefined;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "Authorization"));
}
