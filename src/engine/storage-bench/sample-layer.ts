import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";
import type { BenchPlan } from "./resolve-bench.ts";

export const largeFile = "large";

const poolBytes = 1024 * 1024;
const filesInDirectory = 64;

/** The tar of a layer by the plan; the same plan produces the same bytes. */
export async function* sampleLayer(plan: BenchPlan): AsyncGenerator<Uint8Array, void, undefined> {
  const pool = noise();
  yield encodeTarMember({ path: largeFile, type: "file", size: plan.largeFileBytes, mode: 0o644 });
  for (let left = plan.largeFileBytes; left > 0; left -= poolBytes) {
    yield pool.subarray(0, Math.min(left, poolBytes));
  }
  yield new Uint8Array(tarPadding(plan.largeFileBytes));
  for (let at = 0; at < plan.smallFiles; at += filesInDirectory) {
    const directory = `small/${at / filesInDirectory}`;
    const count = Math.min(filesInDirectory, plan.smallFiles - at);
    yield Buffer.concat([
      encodeTarMember({ path: `${directory}/`, type: "directory", mode: 0o755 }),
      ...Array.from({ length: count }, (_, index) => smallFile(plan, { directory, index, pool })).flat(),
    ]);
  }
  yield encodeTarEnd();
}

function smallFile(
  { smallFileBytes: size }: BenchPlan,
  at: { readonly directory: string; readonly index: number; readonly pool: Uint8Array },
): readonly Uint8Array[] {
  const header = encodeTarMember({ path: `${at.directory}/${at.index}`, type: "file", size, mode: 0o644 });
  const from = at.index * 512;
  return [header, at.pool.subarray(from, from + size), new Uint8Array(tarPadding(size))];
}

/** Nothing that a file system could make smaller. */
function noise(): Uint8Array {
  const words = new Uint32Array(poolBytes / 4);
  let state = 0x9e3779b9;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer);
}
