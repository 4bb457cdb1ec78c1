import { Failure } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import { findIdPrefix, findImageId, hasIdPrefix, shortId } from "../../spec/image/id.ts";
import {
  findReference,
  formatFamiliar,
  formatReference,
  parseReference,
  withDefaultTag,
} from "../../spec/reference.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";

export interface FoundImage {
  readonly record: ImageRecord;
  /** The whole reference by which it was found; absent: by its id. */
  readonly reference?: string | undefined;
}

/** By whole id, then name, then `name@digest`, then the beginning of an id. Throws "invalid" for an ambiguous one. */
export function findImage(state: State, text: string): FoundImage | undefined {
  const id = findImageId(text);
  const exact = id === undefined ? undefined : state.findImage(id);
  if (exact !== undefined) return { record: exact };
  const reference = findReference(text);
  if (reference !== undefined) {
    const whole = formatReference(withDefaultTag(reference));
    const named = state.references().get(whole);
    const record = named === undefined ? undefined : state.findImage(named);
    if (record !== undefined) return { record, reference: whole };
    if (reference.digest !== undefined) {
      const digested = state.images().find((image) => image.digests.includes(formatFamiliar(reference)));
      if (digested !== undefined) return { record: digested, reference: whole };
    }
  }
  const prefix = findIdPrefix(text);
  const found = prefix === undefined ? [] : state.images().filter((image) => hasIdPrefix(image.id, prefix));
  if (found.length > 1) {
    const some = found.slice(0, 4).map((image) => shortId(image.id));
    throw new Failure("invalid", `cannot find image "${text}": several ids begin so: ${some.join(", ")}`);
  }
  return found[0] === undefined ? undefined : { record: found[0] };
}

/** As findImage(). Throws "not-found", and "invalid" for what is neither a reference nor the beginning of an id. */
export function getImage(state: State, text: string): FoundImage {
  const found = findImage(state, text);
  if (found !== undefined) return found;
  if (findIdPrefix(text) === undefined) parseReference(text);
  throw new Failure("not-found", `cannot find image "${text.slice(0, 200)}"`, { details: { image: text } });
}

/** Whole references to the image. */
export function referencesOf(state: State, id: Digest): readonly string[] {
  return [...state.references()].filter(([, image]) => image === id).map(([reference]) => reference);
}

/** As short as people write it. */
export function familiar(reference: string): string {
  const parsed = findReference(reference);
  return parsed === undefined ? reference : formatFamiliar(parsed);
}
