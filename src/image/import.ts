import type { Progress } from "../base/progress.ts";
import { applyConfigChanges } from "../spec/image/config-changes.ts";
import { digestOf } from "../spec/digest.ts";
import { encodeImageConfig, noDefaults } from "../spec/image/config.ts";
import { hostPlatform, type Platform } from "../spec/platform.ts";
import type { Reference } from "../spec/reference.ts";
import { abortable } from "./streams/abortable.ts";
import type { ContentStore } from "./content-store.ts";
import { assembleImage } from "./archive/archive-image.ts";
import type { LoadSink } from "./loaded-image.ts";
import { reporting } from "./streams/reporting.ts";
import { stagedFile } from "./archive/spooled-archive.ts";
import { stageInWorker } from "./stage-in-worker.ts";
import { storeImages } from "./archive/store-images.ts";

export interface ImportOptions {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  /** Dockerfile instructions, see applyConfigChanges(). */
  readonly changes?: readonly string[] | undefined;
  /** The comment of the one entry of the history. */
  readonly message?: string | undefined;
  readonly reference?: Reference | undefined;
  readonly platform?: Platform | undefined;
  /** Milliseconds since 1970. */
  readonly createdMs?: number | undefined;
  /** Of the tar, decompressed. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an image of one layer out of a root file system as tar (plain, gzip or zstd), and gives it to the sink as
 * loadArchive() does; nothing is half-made when it throws. Wrong changes are refused before anything is read.
 */
export function importRootfs(
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): AsyncGenerator<Progress, void, undefined> {
  const { store, sink, changes = [], message = "", reference, platform = hostPlatform() } = options;
  const { createdMs = Date.now(), maxBytes = 2 ** 39 } = options;
  const defaults = applyConfigChanges(noDefaults, changes);
  return reporting(
    async (report, signal) => {
      const tar = abortable(source, signal);
      await using layer = await stageInWorker(tar, { store, inflates: true, maxBytes, signal });
      const { digest: diffId } = layer.blob;
      const created = new Date(createdMs).toISOString();
      const comment = message === "" ? {} : { comment: message };
      const config = encodeImageConfig({
        platform,
        created,
        ...comment,
        defaults,
        diffIds: [diffId],
        history: [{ created, ...comment, emptyLayer: false }],
      });
      await using configDraft = await store.draft({ expected: { digest: digestOf(config) } });
      await configDraft.write(config);
      await configDraft.finish();
      const image = await assembleImage({
        configFile: stagedFile(configDraft.staged),
        layerFiles: [stagedFile(layer)],
        references: reference === undefined ? [] : [reference],
      });
      await storeImages([image], { store, sink, report, signal });
    },
    { signal: options.signal },
  );
}
