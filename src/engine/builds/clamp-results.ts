import { createHash } from "node:crypto";
import { retimeTar } from "../../build/exporters/retime-tar.ts";
import type { BuiltLayer } from "../../build/solver/solver.ts";
import { encodeImage } from "../../image/commit.ts";
import { plainTar } from "../../image/plain-tar.ts";
import type { ContentStore } from "../../image/content-store.ts";
import type { OpenResult } from "./named-contexts.ts";

/**
 * The image with no file in its new layers that is later than the time; those of its base stay. SPEC: BuildKit,
 * docs/build-repro.md, rewrite-timestamp. Layers that were clamped before come from the build cache.
 */
export async function clampResult(
  { image, layers, worker, statements }: OpenResult,
  {
    epochMs,
    store,
    signal,
  }: {
    readonly epochMs: number;
    readonly store: ContentStore;
    readonly signal: AbortSignal;
  },
): Promise<OpenResult> {
  const clamped: BuiltLayer[] = [];
  for (const layer of layers) {
    // Those of a base have no time of a step.
    if (layer.createdAtMs === undefined) {
      clamped.push(layer);
      continue;
    }
    const key = createHash("sha256")
      .update(JSON.stringify(["clamped", layer.diffId, epochMs]))
      .digest("hex");
    let found = await worker.findResult(key);
    if (found === undefined) {
      const tar = retimeTar(plainTar(store.open(layer.digest)), { epochMs, mode: "clamp" });
      found = await worker.storeLayer(tar, signal);
      await worker.keepResult(key, { layer: found, about: `[internal] times of ${layer.diffId}` });
    }
    clamped.push({ ...found, createdAtMs: layer.createdAtMs });
  }
  return { image: encodeImage(image.config, clamped), layers: clamped, epochMs, worker, statements };
}
