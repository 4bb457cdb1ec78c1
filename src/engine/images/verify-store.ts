import { kindOf, sentenceOf } from "../../base/failure.ts";
import type { CheckFinding } from "../../model/engine.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { familiar, referencesOf } from "./find-image.ts";

/**
 * Reads all that images have: each blob against its digest, each layer's tree against the archive that it came from and
 * what else the storage driver has of it, what was dropped by making it again. Slow: as long as reading and hashing all
 * of it takes.
 */
export async function verifyStore(
  state: State,
  dependencies: EngineDependencies,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const seen = new Set<string>();
  for (const image of state.images()) {
    const name = nameOf(state, image);
    const note = (subject: string, thrown: unknown): void => {
      signal?.throwIfAborted();
      // A disk that can't be read is a finding as well; one that is gone meanwhile is none.
      if (kindOf(thrown) === "not-found" && state.findImage(image.id) === undefined) return;
      findings.push({
        subject: `${subject} of ${name}`,
        problem: sentenceOf(thrown),
        advice: adviceFor(name),
      });
    };
    const layers = new Set(image.config.diffIds);
    const compressed = dependencies.content.compressed.list().filter(({ diffId }) => layers.has(diffId));
    for (const digest of [...image.blobs, ...compressed.map((each) => each.digest)]) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      try {
        await verifyBlob(dependencies, digest, signal);
      } catch (thrown) {
        note(`blob ${digest.slice(7, 19)}`, thrown);
      }
    }
    for (const [index, diffId] of image.config.diffIds.entries()) {
      if (seen.has(`layer ${diffId}`)) continue;
      seen.add(`layer ${diffId}`);
      try {
        await verifyLayer(dependencies, { diffId, digest: image.blobs[2 + index] ?? diffId }, signal);
      } catch (thrown) {
        note(`layer ${diffId.slice(7, 19)}`, thrown);
      }
    }
  }
  return findings;
}

type Digest = ImageRecord["id"];

async function verifyBlob(
  { content }: EngineDependencies,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<void> {
  // One that a registry has is not here to be verified.
  if ((await content.findStored(digest)) === undefined && isOnlyElsewhere(content.absent.find(digest)))
    return;
  for await (const _ of content.open(digest, { verify: true })) signal?.throwIfAborted();
}

async function verifyLayer(
  { content, storage }: EngineDependencies,
  { diffId, digest }: { readonly diffId: Digest; readonly digest: Digest },
  signal: AbortSignal | undefined,
): Promise<void> {
  // It comes out of its blob again when it is needed (the storage driver was changed).
  if (!storage.hasLayer(diffId)) return;
  await storage.verifyLayer?.(diffId, signal === undefined ? {} : { signal });
  const isStored = (await content.findStored(digest)) !== undefined;
  // Made again of the layer's files, its blob has just proven them.
  if (!isStored) return;
  const { verifyLayerTree } = await import("../../image/verify-layer-tree.ts");
  using root = await storage.viewLayers([diffId]);
  await verifyLayerTree({ diffId, path: content.pathOf(digest), root: root.fd }, signal);
}

function isOnlyElsewhere(absent: { readonly form?: unknown } | undefined): boolean {
  return absent !== undefined && absent.form === undefined;
}

function nameOf(state: State, { id }: ImageRecord): string {
  const [reference] = referencesOf(state, id);
  return reference === undefined ? id.slice(7, 19) : familiar(reference);
}

function adviceFor(name: string): string {
  return `look at the disk (dmesg, smartctl); then remove the image (tare rmi -f ${name}) with the containers made of it, and pull or load it again`;
}
