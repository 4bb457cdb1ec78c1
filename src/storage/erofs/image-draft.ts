import { required } from "../../base/required.ts";
import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { type LayerImage, layerTarOffset, writeLayerImage } from "../../linux/erofs/layer-image.ts";
import { statFd } from "../../linux/files/stat.ts";
import { syncFile, syncFilesystem } from "../../linux/files/sync.ts";
import { measureTree, unpackLayer } from "../../linux/tree/tree.ts";
import type { UnpackResult } from "../../linux/tree/unpack-options.ts";
import type { Digest } from "../../spec/digest.ts";
import type { ApplyOptions, LayerDraft } from "../driver.ts";
import { digestIndex } from "./image-digests.ts";
import type { LayerFacts } from "./layer-facts.ts";

interface DraftEnd {
  /** False when the layer is there already. */
  take(diffId: Digest, facts: LayerFacts): Promise<boolean>;
  discard(): void;
}

/** A layer as one file: the tar as it comes, then the index. */
export class ImageDraft implements LayerDraft {
  readonly #path: string;
  readonly #end: DraftEnd;
  #facts: LayerFacts | undefined;
  #open = true;

  constructor(path: string, end: DraftEnd) {
    this.#path = path;
    this.#end = end;
    mkdirSync(path, 0o700);
  }

  async apply(tar: AsyncIterable<Uint8Array>, options: ApplyOptions = {}): Promise<UnpackResult> {
    const file = openSync(`${this.#path}/image`, "wx+", 0o600);
    try {
      const image = await writeLayerImage(tar, file, options);
      this.#facts = image.isImage ? await this.#describe(image) : await this.#unpack(image, options);
      if (image.isImage) await syncFile(file);
      return image;
    } finally {
      closeSync(file);
    }
  }

  async #describe(image: LayerImage): Promise<LayerFacts> {
    const { tarBytes } = image;
    const indexDigest = await digestIndex(`${this.#path}/image`, tarBytes);
    return { ...factsOf(image, { form: "image" }), tarBytes, indexDigest };
  }

  /** Content that the index cannot represent is unpacked as by the driver overlay, from the existing tar. */
  async #unpack(image: LayerImage, options: ApplyOptions): Promise<LayerFacts> {
    mkdirSync(`${this.#path}/fs`, 0o755);
    using into = openDirectoryPath(`${this.#path}/fs`);
    const end = layerTarOffset + image.tarBytes - 1;
    await unpackLayer(
      createReadStream(`${this.#path}/image`, { start: layerTarOffset, end }),
      into.fd,
      options,
    );
    rmSync(`${this.#path}/image`);
    const { contentBytes } = await measureTree(into.fd, {});
    const { uid, gid, permissions: mode } = statFd(into.fd);
    await syncFilesystem(into.fd);
    return { ...factsOf(image, { form: "directory" }), root: { uid, gid, mode }, contentBytes };
  }

  async commit(diffId: Digest): Promise<void> {
    if (!this.#open) throw new Error("a layer draft was committed after its end");
    if (this.#facts === undefined) await this.apply(nothing());
    try {
      writeFileSync(`${this.#path}/facts`, JSON.stringify(this.#facts), { mode: 0o600, flush: true });
      using directory = openDirectoryPath(this.#path);
      await syncFile(directory.fd);
      if (await this.#end.take(diffId, required(this.#facts))) this.#open = false;
    } catch (thrown) {
      throw fileFailure(`cannot commit layer ${diffId}`, thrown);
    }
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) this.#end.discard();
    this.#open = false;
  }
}

function factsOf(
  { setsRoot, isRootOpaque, root, contentBytes }: LayerImage,
  { form }: Pick<LayerFacts, "form">,
): LayerFacts {
  return { form, setsRoot, hidesBelow: isRootOpaque, root, contentBytes };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}
