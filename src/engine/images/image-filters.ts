import { Failure } from "../../base/failure.ts";
import { parseTimestamp } from "../../base/timestamp.ts";
import { createdMs } from "../../spec/image/config.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { familiar, getImage, referencesOf } from "./find-image.ts";
import { hasLabel } from "../labels.ts";
import { findFlag } from "../prune-filters.ts";
import { hasChildren } from "./image-parents.ts";
import { matchesGlob } from "./reference-glob.ts";

type Filter = (
  image: ImageRecord,
  values: readonly string[],
  context: { readonly state: State; readonly references: readonly string[] },
) => boolean;

const filters: Readonly<Record<string, Filter>> = {
  reference: ({ digests }, values, { references }) =>
    [...references, ...digests].some((reference) => isShownReference(reference, { reference: values })),
  dangling: ({ id }, values, { state, references }) =>
    findFlag({ dangling: values }, "dangling") === true
      ? references.length === 0 && !hasChildren(state, id)
      : references.length > 0,
  label: (image, values) => values.every((value) => hasLabel(image.config.defaults.labels, value)),
  before: (image, values, { state }) =>
    values.every((value) => created(image) < created(getImage(state, value).record)),
  since: (image, values, { state }) =>
    values.every((value) => created(image) > created(getImage(state, value).record)),
  until: (image, values) => values.every((value) => created(image) < parseUntil(value)),
  id: (image, values) =>
    values.some((value) => image.id.startsWith(value) || image.id.slice(7).startsWith(value)),
};

/** Whether a listing with these filters shows the reference: of an image's names only those that match. */
export function isShownReference(
  reference: string,
  { reference: globs = [] }: Readonly<Record<string, readonly string[]>>,
): boolean {
  const short = familiar(reference);
  const repository = short.replace(/(:[^/:]*|@.*)$/, "");
  return (
    globs.length === 0 || globs.some((glob) => matchesGlob(glob, short) || matchesGlob(glob, repository))
  );
}

/**
 * Those that match every key; of images without a name that others were committed from none, unless `all`. Throws
 * "invalid" in Docker's words for a filter that there is none of.
 */
export function filterImages(
  state: State,
  wanted: Readonly<Record<string, readonly string[]>>,
  { all = false }: { readonly all?: boolean | undefined } = {},
): readonly ImageRecord[] {
  for (const key of Object.keys(wanted)) {
    if (!Object.hasOwn(filters, key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
  }
  return state.images().filter((image) => {
    const references = referencesOf(state, image.id);
    const isHidden = !all && references.length === 0 && image.digests.length === 0;
    if (isHidden && hasChildren(state, image.id)) return false;
    return Object.entries(wanted).every(
      ([key, values]) => values.length === 0 || filters[key]?.(image, values, { state, references }) === true,
    );
  });
}

function parseUntil(value: string): number {
  return Number(parseTimestamp(value, Date.now())) / 1e6;
}

function created(image: ImageRecord): number {
  return createdMs(image.config) || image.storedAt;
}
