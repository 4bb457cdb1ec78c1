import { randomBytes } from "node:crypto";
import type { BuildOptionsRequest, BuildOutput } from "../../api/image/build-options.ts";
import { parseExportForm } from "../../api/image/export-form.ts";
import type { BuildMessage } from "../../api/types/build.ts";
import { sentenceOf } from "../../base/failure.ts";
import type {
  BuildExport,
  BuildOptions,
  BuildProgress,
  BuildRequest,
  BuildResult,
  Builds,
} from "../../model/builds.ts";
import { findStoredImage } from "../../model/stored-image.ts";
import { digestOf } from "../../spec/digest.ts";

const pieceBytes = 192 * 1024;

interface Delivery extends Pick<BuildRequest, "findCredentials"> {
  readonly options: Pick<
    BuildOptionsRequest,
    "outputs" | "tags" | "platforms" | "cacheTargets" | "attestations"
  >;
  readonly signal: AbortSignal;
  readonly onProgress: (event: BuildProgress) => void;
  readonly send: (message: BuildMessage) => Promise<void>;
}

type Built = Pick<BuildResult, "images">;
type Exported = BuildExport["root"] | undefined;

/** Makes of the result what was asked for. Gives the last that was pushed or archived. */
export async function deliverOutputs(
  builds: Builds,
  result: BuildResult,
  delivery: Delivery,
): Promise<Exported> {
  let exported: Exported;
  for (const [index, output] of delivery.options.outputs.entries())
    exported = (await deliver(builds, result, { ...delivery, index, output })) ?? exported;
  await exportCaches(builds, result, delivery);
  return exported;
}

async function exportCaches(builds: Builds, result: BuildResult, delivery: Delivery): Promise<void> {
  const { options, findCredentials, signal } = delivery;
  for (const target of options.cacheTargets) {
    if (target.kind === "inline") continue;
    const { ignoresError, ...cache } = target;
    const exporting = during("exporting cache to registry", delivery, async (vertex) => {
      const onPart = partsOf(vertex, delivery);
      await builds.exportCache(result, { ...cache, findCredentials, onPart, signal });
    });
    await (ignoresError ? exporting.catch(() => signal.throwIfAborted()) : exporting);
  }
}

/** Reports parts of a step as they begin. */
function partsOf(
  vertex: ReturnType<typeof digestOf>,
  { onProgress }: Pick<Delivery, "onProgress">,
): (id: string) => void {
  return (id) => {
    const startedAtMs = Date.now();
    onProgress({ kind: "status", vertex, id, current: 0, startedAtMs, completedAtMs: startedAtMs });
  };
}

interface OneDelivery extends Delivery {
  readonly index: number;
  readonly output: BuildOutput;
}

async function deliver(builds: Builds, built: BuildResult, delivery: OneDelivery): Promise<Exported> {
  const { output, signal } = delivery;
  const isClamped = output.attributes["rewrite-timestamp"] === "true";
  const result = isClamped ? { images: await builds.clampTimes(built, signal) } : built;
  switch (output.type) {
    case "image":
      return await deliverImage(builds, result, delivery);
    case "docker":
    case "oci":
      return await deliverArchive(builds, result, { ...delivery, format: output.type });
    case "tar":
      await deliverFiles(result, delivery);
      return undefined;
    default:
      return output.type satisfies never;
  }
}

async function deliverImage(builds: Builds, result: Built, delivery: OneDelivery): Promise<Exported> {
  const { options, output, findCredentials, signal, onProgress } = delivery;
  const { tags: references } = options;
  const warn = (text: string, vertex: ReturnType<typeof digestOf>): void =>
    onProgress({ kind: "log", vertex, stream: 2, atMs: Date.now(), bytes: Buffer.from(text) });
  await during("exporting to image", delivery, async (vertex) => {
    const { images } = result;
    if (images.length > 1) {
      const text = `WARN: a name of the image store has one platform: ${findStoredImage(images)?.platform}\n`;
      warn(text, vertex);
    }
    const { provenance, sbom } = options.attestations ?? {};
    if ((provenance ?? sbom) !== undefined && output.attributes["push"] !== "true")
      warn("WARN: the image store keeps no attestations: push the image, or export an OCI layout\n", vertex);
    await builds.store(result, { references, vertex, signal, onProgress });
  });
  if (output.attributes["push"] !== "true") return undefined;
  const exported = await exportOf(builds, result, delivery);
  await during(`pushing ${references.join(", ")}`, delivery, async (vertex) => {
    const onPart = partsOf(vertex, delivery);
    await exported.push({ findCredentials, onPart, signal });
  });
  return exported.root;
}

async function deliverArchive(
  builds: Builds,
  result: Built,
  delivery: OneDelivery & { readonly format: "docker" | "oci" },
): Promise<Exported> {
  const { format, index, send } = delivery;
  let root: Exported;
  await during(`exporting to ${format} image format`, delivery, async () => {
    const exported = await exportOf(builds, result, delivery);
    for await (const piece of exported.archive(format))
      await sendOutput(piece, { index, platform: "" }, send);
    ({ root } = exported);
  });
  return root;
}

async function exportOf(
  builds: Builds,
  result: Built,
  { options, output, signal }: OneDelivery,
): Promise<BuildExport> {
  return await builds.export(result, {
    ...parseExportForm(output.attributes),
    references: options.tags,
    isIndex: options.platforms.length > 1,
    hasAttestations: output.type !== "docker",
    signal,
  });
}

async function deliverFiles({ images }: Built, delivery: OneDelivery): Promise<void> {
  const { index, signal, onProgress, send } = delivery;
  for (const image of images) {
    await during("exporting to client", delivery, async (vertex) => {
      await using tree = await image.openTree();
      const startedAtMs = Date.now();
      let current = 0;
      for await (const piece of tree.tar()) {
        signal.throwIfAborted();
        await sendOutput(piece, { index, platform: image.platform }, send);
        current += piece.length;
      }
      const id = `copying files ${image.platform}`;
      onProgress({ kind: "status", vertex, id, current, startedAtMs, completedAtMs: Date.now() });
    });
  }
}

async function sendOutput(
  piece: Uint8Array,
  { index, platform }: { readonly index: number; readonly platform: string },
  send: Delivery["send"],
): Promise<void> {
  for (let at = 0; at < piece.length; at += pieceBytes) {
    const data = Buffer.from(piece.subarray(at, at + pieceBytes)).toString("base64");
    await send({ Output: { Index: index, Platform: platform, Data: data } });
  }
}

/** Work that is a step of its own in the progress. */
export async function during(
  name: string,
  { onProgress }: Pick<BuildOptions, "onProgress">,
  work: (vertex: ReturnType<typeof digestOf>) => Promise<void>,
): Promise<void> {
  const id = digestOf(randomBytes(32));
  const begun = { kind: "vertex", id, inputs: [], name, startedAtMs: Date.now() } as const;
  onProgress?.(begun);
  try {
    await work(id);
    onProgress?.({ ...begun, completedAtMs: Date.now() });
  } catch (thrown) {
    onProgress?.({ ...begun, completedAtMs: Date.now(), error: sentenceOf(thrown) });
    throw thrown;
  }
}
