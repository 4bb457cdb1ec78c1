import { Failure } from "../base/failure.ts";
import { openUrl, type OpenUrlOptions, shownUrl } from "./open-url.ts";

/**
 * Yields the content of an http or https URL. Throws "invalid" for another kind of URL, "unavailable" for any other
 * answer.
 */
export async function* fetchUrl(
  from: URL,
  options: OpenUrlOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  using reply = await openUrl(from, options);
  if (reply.status !== 200)
    throw new Failure("unavailable", `cannot import from "${shownUrl(from)}": it answered ${reply.status}`);
  yield* reply.body();
}
