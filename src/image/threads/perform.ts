import { spool } from "../archive/spool.ts";
import { fileChunks } from "../blobs/file-chunks.ts";
import { readVerified } from "../blobs/read-verified.ts";
import { stageBlob } from "../blobs/stage-blob.ts";
import { proveRebuild } from "../rebuild/prove-rebuild.ts";
import { rebuildVerified } from "../rebuild/rebuild-blob.ts";
import { BlobTaker } from "../unpacking/blob-taker.ts";
import type { LayerJob } from "../unpacking/layer-job.ts";
import { provenTar, runLayerJob, taken } from "../unpacking/run-layer-job.ts";
import { verifyTree } from "../verify-tree.ts";
import type { JobName, Jobs } from "./job.ts";

/** The ports of a job. */
interface JobPorts {
  /**
   * What the other side sends; `onArrival` receives each piece when it arrives, before it is consumed. Call it once,
   * and before any wait.
   */
  readonly input: (onArrival: (bytes: Uint8Array) => void) => AsyncIterable<Uint8Array>;
  /** Sends a piece, which is given away, to the other side; waits while that has enough. */
  readonly give: (piece: Uint8Array) => Promise<void>;
  readonly onRead: (bytes: number) => void;
  readonly signal: AbortSignal;
}

type Performers = {
  readonly [Name in JobName]: (job: Jobs[Name]["job"], ports: JobPorts) => Promise<Jobs[Name]["result"]>;
};

const performers: Performers = {
  async layer(job, ports) {
    const taker = new BlobTaker(job);
    return await runLayerJob(job, { taker, blob: blobOf(job, taker, ports), signal: ports.signal });
  },
  async tar(job, ports) {
    const taker = new BlobTaker(job);
    const { signal } = ports;
    for await (const piece of provenTar(job, { taker, blob: blobOf(job, taker, ports), signal })) {
      await ports.give(piece);
    }
    return { blob: taker.finish() };
  },
  async spool(job, { input, signal }) {
    return await spool(
      job,
      input(() => undefined),
      signal,
    );
  },
  async stage(job, { input, signal }) {
    return await stageBlob(
      job,
      input(() => undefined),
      signal,
    );
  },
  async read(job, { give }) {
    for await (const piece of readVerified(job)) await give(piece);
    return undefined;
  },
  async rebuild(job, { give }) {
    for await (const piece of rebuildVerified(job)) await give(piece);
    return undefined;
  },
  async prove(job, { signal }) {
    return await proveRebuild(job, signal);
  },
  async verify(job, { signal }) {
    await verifyTree(job, signal);
    return undefined;
  },
};

export async function perform<Name extends JobName>(
  name: Name,
  job: Jobs[Name]["job"],
  ports: JobPorts,
): Promise<Jobs[Name]["result"]> {
  return await performers[name](job, ports);
}

/** Of the file that the job names, else as it is sent. */
function blobOf(
  { path }: LayerJob,
  taker: BlobTaker,
  { input, onRead }: Pick<JobPorts, "input" | "onRead">,
): AsyncIterable<Uint8Array> {
  if (path === undefined) return input((bytes) => taker.take(bytes));
  return taken(counted(fileChunks(path), onRead), taker);
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    const { length } = piece;
    yield piece;
    onRead(length);
  }
}
