import { findReference, type Reference, withDefaultTag } from "../../spec/reference.ts";
import type { Digest } from "../../spec/digest.ts";
import { Failure } from "../../base/failure.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { State } from "../state/state.ts";
import type { ImageRecord } from "../state/records.ts";
import { imageEvent } from "../describe-event.ts";
import { findImage } from "./find-image.ts";
import { requirePlatform } from "./require-platform.ts";

/** See Images.save(). */
export async function* saveNamed(
  names: readonly string[],
  { platform }: { readonly platform?: string | undefined },
  { state, dependencies }: { readonly state: State; readonly dependencies: EngineDependencies },
): AsyncGenerator<Uint8Array, void, undefined> {
  const images = new Map<Digest, { manifest: Digest; record: ImageRecord; references: Reference[] }>();
  for (const name of names) {
    for (const { record, references } of findAll(state, name)) {
      requirePlatform(record, { reference: name, platform });
      const [, manifest] = record.blobs;
      if (manifest === undefined)
        throw new Failure("internal", `cannot save ${name}: its manifest is not recorded`);
      const entry = images.get(manifest) ?? { manifest, record, references: [] };
      images.set(manifest, entry);
      for (const each of references) {
        if (!entry.references.some((known) => isSame(known, each))) entry.references.push(each);
      }
    }
  }
  const { saveImages } = await import("../../image/save.ts");
  yield* saveImages([...images.values()], { store: dependencies.content });
  for (const { record } of images.values()) {
    const { id, config } = record;
    state.events.record(imageEvent(id, "save", { ...config.defaults.labels, name: id }));
  }
}

interface Named {
  readonly record: ImageRecord;
  readonly references: readonly Reference[];
}

/** A repository without a tag stands for all its tags, as with Docker; an id for the image without a name. */
function findAll(state: State, name: string): readonly Named[] {
  const asked = findReference(name);
  if (asked !== undefined && asked.tag === undefined && asked.digest === undefined) {
    const tagged = [...state.references()].flatMap(([whole, id]): readonly Named[] => {
      const reference = findReference(whole);
      const record = state.findImage(id);
      const isOfIt =
        reference?.domain === asked.domain && reference.path === asked.path && reference.tag !== undefined;
      return isOfIt && record !== undefined ? [{ record, references: [reference] }] : [];
    });
    if (tagged.length > 0) return tagged;
  }
  const found = findImage(state, name);
  if (found === undefined) {
    throw new Failure("not-found", `cannot find image "${name}"`, { details: { image: name } });
  }
  const isNamed = found.reference !== undefined && asked?.digest === undefined && asked !== undefined;
  return [{ record: found.record, references: isNamed ? [withDefaultTag(asked)] : [] }];
}

function isSame(one: Reference, other: Reference): boolean {
  return one.domain === other.domain && one.path === other.path && one.tag === other.tag;
}
