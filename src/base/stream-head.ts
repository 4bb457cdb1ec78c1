/** The first pieces of a stream, `headBytes` at least unless it is shorter. */
export async function readHead(iterator: AsyncIterator<Uint8Array>, headBytes: number): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < headBytes) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  return head;
}

/** The stream with its head again. Leaves ending the iterator to its owner. */
export async function* startingWith(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}
