import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { ImageConfig, ImageHistoryEntry } from "../../spec/image/config.ts";
import type { DraftConfig } from "./image-changes.ts";

/**
 * The configuration of an image with these layers. SPEC: BuildKit's times: a step that was not repeated has the time at
 * which it ran, so the same build gives the same image. `epochMs`: the time of all that is new.
 */
export function finishConfig(
  { platform, author, defaults, history }: DraftConfig,
  {
    layers,
    epochMs,
  }: {
    readonly layers: readonly (LoadedLayer & { readonly createdAtMs?: number | undefined })[];
    readonly epochMs?: number | undefined;
  },
): ImageConfig {
  const dated = withEmptyTimes(withLayerTimes(history, { layers, epochMs }), epochMs);
  const created = dated.at(-1)?.created ?? (epochMs === undefined ? undefined : formatTime(epochMs));
  return { platform, author, created, defaults, history: dated, diffIds: layers.map(({ diffId }) => diffId) };
}

function withLayerTimes(
  history: readonly ImageHistoryEntry[],
  { layers, epochMs }: Parameters<typeof finishConfig>[1],
): readonly ImageHistoryEntry[] {
  let index = 0;
  return history.map((entry) => {
    if (entry.emptyLayer) return entry;
    const madeAt = layers[index++]?.createdAtMs;
    const atMs = madeAt === undefined ? undefined : (epochMs ?? madeAt);
    return entry.created !== undefined || atMs === undefined
      ? entry
      : { ...entry, created: formatTime(atMs) };
  });
}

/** Entries without a layer have the time of the first new layer, or of the layer before them. */
function withEmptyTimes(
  history: readonly ImageHistoryEntry[],
  epochMs: number | undefined,
): readonly ImageHistoryEntry[] {
  const firstNew = history.findIndex(({ created }) => created === undefined);
  if (firstNew < 0) return history;
  const next = history.slice(firstNew).find(({ created }) => created !== undefined);
  const before = history.slice(0, firstNew).findLast(({ created }) => created !== undefined);
  let created = epochMs === undefined ? (next ?? before)?.created : formatTime(epochMs);
  return history.map((entry, index) => {
    if (entry.created === undefined) return { ...entry, created };
    if (index > firstNew) created = entry.created;
    return entry;
  });
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}
