/** So many items are sent in one message: far from the 16 MB that a message may have. */
const itemsInPart = 100;

/** Sends a list in parts; the stream ends with the last one. Throws when the client has canceled. */
export async function sendInParts<T>(
  items: readonly T[],
  send: (part: readonly T[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < items.length; at += itemsInPart) {
    signal.throwIfAborted();
    await send(items.slice(at, at + itemsInPart));
  }
}
