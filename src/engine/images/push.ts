import { Failure, sentenceOf } from "../../base/failure.ts";
import type { Progress } from "../../base/progress.ts";
import type { Digest } from "../../spec/digest.ts";
import {
  findReference,
  formatFamiliar,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../spec/reference.ts";
import { parseEncryptionKey } from "../../spec/image/encryption-keys.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import type { Images } from "../../model/images.ts";
import { findImage } from "./find-image.ts";
import { requirePlatform } from "./require-platform.ts";
import { imageEvent } from "../describe-event.ts";

/** See Images.push(). The caller keeps the image from being removed meanwhile. */
export async function* pushNamed(
  reference: string,
  options: Parameters<Images["push"]>[1] = {},
  { state, dependencies }: { readonly state: State; readonly dependencies: EngineDependencies },
): AsyncGenerator<Progress, void, undefined> {
  const wanted = parseReference(reference);
  if (options.allTags === true) {
    const { allTags: _, ...others } = options;
    for (const each of localTags(state, wanted)) yield* pushNamed(each, others, { state, dependencies });
    return;
  }
  if (wanted.digest !== undefined) {
    throw new Failure("invalid", "cannot push a digest reference: name the image by a tag");
  }
  const { record } = findTagged(state, wanted);
  requirePlatform(record, { reference, platform: options.platform });
  const [, manifest] = record.blobs;
  if (manifest === undefined)
    throw new Failure("internal", `cannot push ${reference}: its manifest is not recorded`);
  const { credentials, insecure = false, signal, compression, encryptionKeys = [], encryptLayers } = options;
  const keys = encryptionKeys.map(parseEncryptionKey);
  if (keys.length === 0 && (record.sealedManifests ?? record.sealedDigests) !== undefined) {
    const text = "WARNING: the layers came encrypted and go out plain: encrypt them by --encryption-key";
    yield { kind: "status", text };
  }
  const { pushImage } = await import("../../image/push.ts");
  let sent: string | undefined;
  try {
    const progress = pushImage(wanted, {
      registries: await dependencies.openRegistries(),
      store: dependencies.content,
      insecure,
      manifest,
      diffIds: record.config.diffIds,
      otherBlobs: (diffId) => blobsOfLayer(state, diffId),
      compression,
      encryption: keys.length === 0 ? undefined : { keys, layers: encryptLayers },
      mountFrom: (digest) => repositoriesWith(digest, wanted, { state, dependencies }),
      credentials: credentials && (() => Promise.resolve(credentials)),
      signal,
    });
    for await (const each of progress) {
      if (each.kind === "image") sent = each.id;
      yield each;
    }
  } catch (thrown) {
    throw describePush(thrown, wanted);
  }
  // Encrypted content is none of the local blobs.
  if (keys.length === 0 && sent !== undefined) {
    rememberPush(state, record.id, { reference: wanted, manifest: sent });
  }
  const name = formatFamiliar(repositoryOf(wanted));
  const attributes = { ...record.config.defaults.labels, name };
  state.events.record(imageEvent(formatFamiliar(withDefaultTag(wanted)), "push", attributes));
}

function localTags(state: State, wanted: Reference): readonly string[] {
  const name = formatFamiliar(repositoryOf(wanted));
  if (wanted.tag !== undefined || wanted.digest !== undefined) {
    throw new Failure("invalid", `cannot push all tags of ${formatFamiliar(wanted)}: it names one`);
  }
  const found = [...state.references().keys()].filter((whole) => {
    const reference = findReference(whole);
    return reference?.domain === wanted.domain && reference.path === wanted.path;
  });
  if (found.length > 0) return found.sort();
  throw new Failure("not-found", `An image does not exist locally with the tag: ${name}`, {
    details: { image: name },
  });
}

/** Docker finds what is to be pushed by its name alone. */
function findTagged(state: State, wanted: Reference): { readonly record: ImageRecord } {
  const whole = formatFamiliar(withDefaultTag(wanted));
  const found = findImage(state, whole);
  if (found?.reference !== undefined) return found;
  const name = formatFamiliar(repositoryOf(wanted));
  throw new Failure("not-found", `An image does not exist locally with the tag: ${name}`, {
    details: { image: whole },
  });
}

/** The blobs that images have of a layer. */
export function blobsOfLayer(state: State, diffId: Digest): readonly Digest[] {
  const found = state.images().flatMap(({ config, blobs }) => {
    const index = config.diffIds.indexOf(diffId);
    const digest = index < 0 ? undefined : blobs[2 + index];
    return digest === undefined ? [] : [digest];
  });
  return [...new Set(found)];
}

/** Names of the same registry under which an image with this blob is known, the wanted one's own left out. */
export function repositoriesWith(
  digest: Digest,
  { domain, path }: Reference,
  { state, dependencies }: { readonly state: State; readonly dependencies: EngineDependencies },
): readonly string[] {
  // An image whose layer was compressed to this blob was pushed with it.
  const compressed = dependencies.content.compressed.list().find((each) => each.digest === digest);
  const paths = state
    .images()
    .filter(
      ({ blobs, config }) =>
        blobs.includes(digest) || (compressed !== undefined && config.diffIds.includes(compressed.diffId)),
    )
    .flatMap(({ digests }) => digests)
    .map(findReference)
    .filter((found) => found !== undefined && found.domain === domain && found.path !== path)
    .map((found) => found?.path ?? "");
  return [...new Set(paths)];
}

/** Records that an image of the store is in a registry under this digest. Does nothing for one that is not stored. */
export function rememberPush(
  state: State,
  id: Digest,
  { reference, manifest }: { readonly reference: Reference; readonly manifest: string },
): void {
  const now = state.findImage(id);
  const digest = `${formatFamiliar(repositoryOf(reference))}@${manifest}`;
  if (now === undefined || now.digests.includes(digest)) return;
  // With layers that were compressed for the push it is not the manifest that is here.
  const isOther = now.blobs[1] !== manifest;
  const otherDigests = [...(now.otherDigests ?? []), digest];
  state.putImages(
    [{ ...now, digests: [...now.digests, digest], otherDigests: isOther ? otherDigests : now.otherDigests }],
    [],
  );
}

/** In Docker's words, where it has some, with the registry's own at the end. */
export function describePush(thrown: unknown, wanted: Reference): unknown {
  if (!(thrown instanceof Failure)) return thrown;
  const reason = sentenceOf(thrown);
  const sentence =
    thrown.kind === "not-permitted" && thrown.details.status !== undefined
      ? `push access denied for ${formatFamiliar(repositoryOf(wanted))}, it may require 'docker login': ${reason}`
      : `cannot push ${formatFamiliar(withDefaultTag(wanted))}: ${reason}`;
  return new Failure(thrown.kind, sentence, { cause: thrown, details: thrown.details });
}
