import type { Digest } from "../../spec/digest.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { referencesOf } from "./find-image.ts";
import { imagesOf } from "./images-in-use.ts";

/** Whether another image was committed from it. */
export function hasChildren(state: State, id: Digest): boolean {
  return state.images().some(({ parent }) => parent === id);
}

/**
 * The images that the removal of this one removes as well, as dockerd does: those that it was committed from, up to the
 * first that has a name, a container or another child. Nearest first.
 */
export function chooseParents(
  state: State,
  image: ImageRecord,
  { isPinned }: { readonly isPinned: (image: Digest) => boolean },
): readonly Digest[] {
  const gone = new Set<Digest>([image.id]);
  for (let next = image.parent; next !== undefined && !gone.has(next); ) {
    const parent = state.findImage(next);
    if (parent === undefined || isPinned(parent.id) || isNeeded(state, parent, gone)) break;
    gone.add(parent.id);
    next = parent.parent;
  }
  return [...gone].slice(1);
}

function isNeeded(state: State, { id, digests }: ImageRecord, gone: ReadonlySet<Digest>): boolean {
  return (
    digests.length > 0 ||
    referencesOf(state, id).length > 0 ||
    state.images().some((other) => other.parent === id && !gone.has(other.id)) ||
    state.containers().some((container) => imagesOf(container).includes(id))
  );
}
