import { Failure } from "../base/failure.ts";
import { bodyOf, Connections } from "./registry/connection.ts";
import { discard } from "./registry/repository.ts";

const maxRedirects = 10;

/**
 * Yields the content of an http or https URL. Throws "invalid" for another kind of URL, "unavailable" for any other
 * answer.
 */
export async function* fetchUrl(
  from: URL,
  {
    proxyOf,
    signal,
  }: {
    readonly proxyOf?: ((url: URL) => Promise<URL | undefined>) | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let url = from;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new Failure("invalid", `cannot import from "${url.href}": it must be http or https`);
    }
    if (from.protocol === "https:" && url.protocol === "http:") {
      throw new Failure(
        "corrupt",
        `cannot import from "${from.href}": it redirects to ${url.origin}, unencrypted`,
      );
    }
    const proxy = await proxyOf?.(url);
    using connections = new Connections(proxy === undefined ? {} : { proxy });
    const reply = await connections.send({ method: "GET", url, signal });
    const { location } = reply.headers;
    if ([301, 302, 303, 307, 308].includes(reply.status) && location !== undefined) {
      discard(reply);
      url = new URL(location, url);
      continue;
    }
    if (reply.status !== 200) {
      discard(reply);
      throw new Failure("unavailable", `cannot import from "${from.href}": it answered ${reply.status}`);
    }
    return yield* bodyOf(reply, url);
  }
  throw new Failure("corrupt", `cannot import from "${from.href}": it redirects in circles`);
}
