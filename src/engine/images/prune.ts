import type { Digest } from "../../spec/digest.ts";
import { createdMs } from "../../spec/image/config.ts";
import { findFlag, pruneFilter } from "../prune-filters.ts";
import type { State } from "../state/state.ts";
import { familiar, referencesOf } from "./find-image.ts";
import { chooseParents, hasChildren } from "./image-parents.ts";
import { imagesOf, layersOf } from "./images-in-use.ts";
import { knownLayerBytes } from "./layer-bytes.ts";
import { imageEvent } from "../describe-event.ts";
import type { PrunedImages, PruneFilters } from "../../model/prune.ts";

/**
 * Removes the images without a name, with `all` (or the filter dangling=false) every one, unless a container is or is
 * being made of it. SAFETY: nothing waits from the first look to the last removal, so no use can come between.
 */
export function pruneImages(
  state: State,
  {
    all,
    filters,
    isPinned,
  }: {
    readonly all: boolean;
    readonly filters: PruneFilters;
    readonly isPinned: (image: Digest) => boolean;
  },
): PrunedImages {
  const isMeant = pruneFilter(filters, { also: ["dangling"] });
  const danglingOnly = findFlag(filters, "dangling") ?? !all;
  const used = new Set(state.containers().flatMap(imagesOf));
  const bytes = knownLayerBytes(state);
  const needed = layersInUse(state);
  const removed: PrunedImages["removed"][number][] = [];
  for (const record of state.images()) {
    const { id, config } = record;
    const references = referencesOf(state, id);
    if (used.has(id) || isPinned(id) || (danglingOnly && references.length > 0)) continue;
    // A parent without a name goes with its last child; it may be gone by now.
    const isParent = hasChildren(state, id);
    if (state.findImage(id) === undefined || (isParent && references.length === 0)) continue;
    const createdAt = createdMs(config) || record.storedAt;
    if (!isMeant({ createdAt, labels: config.defaults.labels })) continue;
    const images = isParent ? [] : [id, ...chooseParents(state, record, { isPinned })];
    state.removeImages({ references, images }, [
      ...references.map((reference) =>
        imageEvent(id, "untag", { ...config.defaults.labels, name: familiar(reference) }),
      ),
      ...images.map((image) => imageEvent(image, "delete", { name: image })),
    ]);
    removed.push(...references.map((reference) => ({ untagged: familiar(reference) })));
    removed.push(...images.map((deleted) => ({ deleted })));
  }
  const left = layersInUse(state);
  const gone = [...needed].filter((layer) => !left.has(layer));
  const freedBytes = gone.reduce((total, layer) => total + (bytes.get(layer) ?? 0), 0);
  state.events.record(imageEvent("", "prune", { reclaimed: String(freedBytes) }));
  return { removed: [...removed, ...gone.map((deleted) => ({ deleted }))], freedBytes };
}

function layersInUse(state: State): Set<Digest> {
  const layers = state.images().flatMap((image) => image.config.diffIds);
  return new Set([...layers, ...state.containers().flatMap(layersOf)]);
}
