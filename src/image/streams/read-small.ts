/**
 * Buffers input until it is known whether there are more than so many bytes; `all` yields the buffered bytes and the
 * rest. The caller must consume `all`, which closes the source.
 */
export async function readSmall(
  source: AsyncIterable<Uint8Array>,
  mostBytes: number,
): Promise<{ readonly isWhole: boolean; readonly all: AsyncGenerator<Uint8Array, void, undefined> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  let isWhole = false;
  while (bytes <= mostBytes && !isWhole) {
    const next = await iterator.next();
    if (next.done === true) isWhole = true;
    else {
      head.push(next.value);
      bytes += next.value.length;
    }
  }
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* head;
      head.length = 0;
      if (isWhole) return;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.return?.();
    }
  };
  return { isWhole, all: all() };
}
