import type { Failure } from "../../base/failure.ts";
import type { SpooledMembers, SpoolJob } from "../archive/spool-job.ts";
import type { Blob } from "../blobs/blob.ts";
import type { StageJob } from "../blobs/stage-blob.ts";
import type { ReadJob } from "../blobs/read-verified.ts";
import type { MadeForm, ProveJob } from "../rebuild/prove-rebuild.ts";
import type { RebuildJob } from "../rebuild/rebuild-blob.ts";
import type { LayerJob, LayerProof } from "../unpacking/layer-job.ts";
import type { VerifyTreeJob } from "../verify-tree.ts";

/** The jobs of a thread, with their results. */
export interface Jobs {
  /** Takes the blob of a layer, or reads its file. */
  readonly layer: { readonly job: LayerJob; readonly result: LayerProof };
  /** As "layer", but gives the tar. */
  readonly tar: { readonly job: LayerJob; readonly result: LayerProof };
  /** Takes an archive of images. */
  readonly spool: { readonly job: SpoolJob; readonly result: SpooledMembers };
  /** Takes what becomes a blob. */
  readonly stage: { readonly job: StageJob; readonly result: Blob };
  /** Returns the bytes of a blob. */
  readonly read: { readonly job: ReadJob; readonly result: undefined };
  /** Returns the bytes of a blob that was dropped. */
  readonly rebuild: { readonly job: RebuildJob; readonly result: undefined };
  readonly prove: { readonly job: ProveJob; readonly result: MadeForm | undefined };
  readonly verify: { readonly job: VerifyTreeJob; readonly result: undefined };
}

export type JobName = keyof Jobs;

export type NamedJob = {
  readonly [Name in JobName]: { readonly name: Name; readonly job: Jobs[Name]["job"] };
}[JobName];

export type ToThread =
  | { readonly kind: "begin"; readonly named: NamedJob }
  | { readonly kind: "piece"; readonly bytes: Uint8Array }
  | { readonly kind: "end" }
  /** So many bytes of what was given have been worked off. */
  | { readonly kind: "taken"; readonly bytes: number }
  | { readonly kind: "stop" }
  /** Ends the thread; only between jobs. */
  | { readonly kind: "leave" };

export type FromThread =
  /** Once, before the first job. */
  | { readonly kind: "ready" }
  | { readonly kind: "taken"; readonly bytes: number }
  | { readonly kind: "given"; readonly bytes: Uint8Array }
  /** So many bytes of a file that the job reads itself. */
  | { readonly kind: "read"; readonly bytes: number }
  | { readonly kind: "done"; readonly result: Jobs[JobName]["result"] }
  | { readonly kind: "failed"; readonly failure: SentFailure };

/** The fields of a failure that can be sent between threads. */
export interface SentFailure {
  readonly kind: Failure["kind"];
  readonly sentence: string;
  readonly stack: string | undefined;
}

/** Bytes that are on their way between threads at most, each way. */
const windowBytes = 1024 * 1024;

/** Keeps what is under way within the window. */
export class Flow {
  #open = 0;
  #wake: () => void = () => undefined;

  async sent(bytes: number): Promise<void> {
    this.#open += bytes;
    if (this.#open > windowBytes) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  taken(bytes: number): void {
    this.#open -= bytes;
    if (this.#open <= windowBytes) this.#wake();
  }

  /** The consumer has ended: no producer needs to wait any longer. */
  open(): void {
    this.#open = Number.NEGATIVE_INFINITY;
    this.#wake();
  }
}

/** The same bytes in a buffer that can be given away. */
export function ownBytes(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  // slice() of a Buffer would be no copy.
  return isWhole(piece) ? piece : new Uint8Array(piece);
}

/** Only a buffer of its own can be given away. */
function isWhole(piece: Uint8Array): piece is Uint8Array<ArrayBuffer> {
  return piece.byteLength === piece.buffer.byteLength && piece.buffer instanceof ArrayBuffer;
}
