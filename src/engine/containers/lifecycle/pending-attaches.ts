import { Failure } from "../../../base/failure.ts";
import type { EarlyStreams } from "../../../runtime/types.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { DeferredDuplex } from "../streams/deferred-duplex.ts";

/** As many clients as a keeper takes at once. */
const MOST_CLIENTS = 16;

export interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Clients that attached to containers which do not run yet. */
export class PendingAttaches {
  readonly #waiting = new Map<ContainerId, Map<DeferredDuplex, Streams>>();

  /** Will be joined at the next start, before the first instruction. Throws "exhausted" for too many. */
  add(id: ContainerId, duplex: DeferredDuplex, streams: Streams): void {
    let waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      waiting = new Map();
      this.#waiting.set(id, waiting);
    }
    if (waiting.size >= MOST_CLIENTS) {
      throw new Failure("exhausted", `cannot attach: ${MOST_CLIENTS} clients are attached already`);
    }
    const clients = waiting;
    clients.set(duplex, streams);
    // A start that fails takes the keeper away while it is asked: the client's stream ends then, the start's answer has
    // the reason.
    duplex.on("error", () => {});
    duplex.once("close", () => {
      clients.delete(duplex);
      if (clients.size === 0 && this.#waiting.get(id) === clients) this.#waiting.delete(id);
    });
  }

  isAwaited(id: ContainerId): boolean {
    return this.#waiting.has(id);
  }

  /** `ended` resolves when the end of the run is recorded: the streams end after it. */
  async connect(id: ContainerId, process: EarlyStreams, ended: Promise<void>): Promise<void> {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const [duplex, streams] of waiting) {
      try {
        duplex.join(await process.attach(streams), { endsAfter: ended });
      } catch (thrown) {
        // One client's trouble is not the container's.
        duplex.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    }
  }

  /** Ends those that wait: the container will not run. */
  cancel(id: ContainerId): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const [duplex] of waiting) duplex.abandon();
  }
}
