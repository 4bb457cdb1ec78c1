import { TarReader } from "../../spec/tar.ts";
import type { TarEntry, TarTime } from "../../spec/tar-entry.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";

/** "clamp": what is later has this time; "set": all has. */
export type RetimeMode = "clamp" | "set";

/**
 * The same archive with other times of its entries. SPEC: https://reproducible-builds.org/docs/timestamps/. Throws
 * "corrupt".
 */
export async function* retimeTar(
  tar: AsyncIterable<Uint8Array>,
  { epochMs, mode }: { readonly epochMs: number; readonly mode: RetimeMode },
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new TarReader();
  let padding = 0;
  for await (const chunk of tar) {
    for (const event of reader.push(chunk)) {
      if (event.kind === "entry") {
        yield encodeTarMember({ ...event.entry, mtime: retimed(event.entry.mtime, { epochMs, mode }) });
        padding = tarPadding(storedBytes(event.entry));
      } else if (event.kind === "data") {
        // The bytes are a view of the chunk.
        yield Uint8Array.from(event.bytes);
      } else if (padding > 0) {
        yield new Uint8Array(padding);
      }
    }
  }
  reader.end();
  yield encodeTarEnd();
}

function storedBytes({ size, sparse }: TarEntry): number {
  return sparse === undefined ? size : sparse.reduce((sum, { length }) => sum + length, 0);
}

function retimed(
  time: TarTime,
  { epochMs, mode }: { readonly epochMs: number; readonly mode: RetimeMode },
): TarTime {
  const ms = time.seconds * 1000 + time.nanoseconds / 1e6;
  if (mode === "clamp" && ms <= epochMs) return time;
  const seconds = Math.floor(epochMs / 1000);
  return { seconds, nanoseconds: Math.round((epochMs - seconds * 1000) * 1e6) };
}
