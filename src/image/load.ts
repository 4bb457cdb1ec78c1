import type { KeyObject } from "node:crypto";
import type { Progress } from "../base/progress.ts";
import { hostPlatform, type Platform } from "../spec/platform.ts";
import { readArchiveImages } from "./archive/archive-images.ts";
import type { ContentStore } from "./content-store.ts";
import type { LoadSink } from "./loaded-image.ts";
import { abortable } from "./streams/abortable.ts";
import { reporting } from "./streams/reporting.ts";
import type { ArchiveLimits } from "./archive/spool-job.ts";
import { spoolArchive } from "./archive/spooled-archive.ts";
import { storeImages } from "./archive/store-images.ts";

export interface LoadOptions {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  /** Which image of an index is taken; the host's when absent. */
  readonly platform?: Platform | undefined;
  /** Private keys for layers that are encrypted: what is stored of them is plain. */
  readonly decryptionKeys?: readonly KeyObject[] | undefined;
  readonly limits?: ArchiveLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Loads all images of an archive: docker-archive (of any Docker since 1.10) or OCI layout, in a tar that is plain, gzip
 * or zstd, its layers again plain, gzip or zstd. One pass over `source`, members in any order. Images go to the sink
 * only when all of the archive is stored; when it throws, none did and no blob has stayed (layers that the sink has
 * taken by then belong to no image). Stopping to listen cancels. Failures: "not-permitted" (an encrypted layer that no
 * key fits), "invalid", "corrupt", "unsupported", "not-found" (no image for the platform), what the sink throws.
 */
export function loadArchive(
  source: AsyncIterable<Uint8Array>,
  {
    store,
    sink,
    platform = hostPlatform(),
    limits = {},
    decryptionKeys: keys = [],
    signal: outer,
  }: LoadOptions,
): AsyncGenerator<Progress, void, undefined> {
  return reporting(
    async (report, signal) => {
      await using archive = await spoolArchive(abortable(source, signal), { store, limits, signal });
      const images = await readArchiveImages(archive, {
        host: platform,
        decryption: { store, keys, signal },
      });
      await storeImages(images, { store, sink, report, signal });
    },
    { signal: outer },
  );
}
