import { required } from "../../base/required.ts";

const patienceMs = 2;

/**
 * The same bytes in larger pieces, each in a buffer of its own, as far as they come quickly: what is there is not held
 * back for what is not there yet. A piece that is large enough, or comes alone, is passed on as it is.
 */
export async function* gathered(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  const take = (): Uint8Array => {
    const all = pieces.length === 1 ? required(pieces[0]) : joined(pieces, bytes);
    pieces = [];
    bytes = 0;
    return all;
  };
  try {
    for (;;) {
      const coming = iterator.next();
      if (bytes > 0 && !(await isSoon(coming))) yield take();
      const next = await coming;
      if (next.done === true) break;
      if (bytes > 0 && bytes + next.value.length > pieceBytes) yield take();
      pieces.push(next.value);
      bytes += next.value.length;
      if (bytes >= pieceBytes) yield take();
    }
    if (bytes > 0) yield take();
  } finally {
    await iterator.return?.();
  }
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Whether it settles within a moment, in whichever way. */
async function isSoon(coming: Promise<unknown>): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), patienceMs);
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    coming.then(settled, settled);
  });
}
