import { Failure } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import type { Send } from "../../grpc/server.ts";
import type { Messages } from "./messages.ts";

type HistoryRecord = Sendable<Messages["moby.buildkit.v1.BuildHistoryRecord"]>;
type HistoryEvent = Messages["moby.buildkit.v1.BuildHistoryEvent"];

/** SPEC: moby/buildkit, api/services/control: BuildHistoryEventType. */
const eventType = { started: 0, complete: 1, deleted: 2 } as const;

/** Records that are kept, in memory; pinned ones, too. */
const mostRecords = 100;

interface Entry {
  record: HistoryRecord & { readonly Ref: string };
  isActive: boolean;
}

/** The builds of this daemon, those that go on and the latest that ended. */
export class BuildHistory {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(event: Sendable<HistoryEvent>) => void>();

  begin(record: HistoryRecord & { readonly Ref: string }): void {
    this.#entries.set(record.Ref, { record, isActive: true });
    this.#report(eventType.started, record);
  }

  complete(record: HistoryRecord & { readonly Ref: string }): void {
    const before = this.#entries.get(record.Ref);
    const pinned = before?.record.pinned ?? false;
    this.#entries.delete(record.Ref);
    this.#entries.set(record.Ref, { record: { ...record, pinned }, isActive: false });
    this.#report(eventType.complete, { ...record, pinned });
    for (const [ref, { isActive, record: old }] of this.#entries) {
      if (this.#entries.size <= mostRecords) return;
      if (!isActive && old.pinned !== true) this.#entries.delete(ref);
    }
  }

  /** Throws "not-found". */
  update(
    ref: string,
    { pinned, isDeleted }: { readonly pinned: boolean; readonly isDeleted: boolean },
  ): void {
    const entry = this.#entries.get(ref);
    if (entry === undefined) throw new Failure("not-found", `no such build ${ref}`);
    if (isDeleted) {
      if (entry.isActive)
        throw new Failure("conflict", `cannot delete the record of build ${ref}: it goes on`);
      this.#entries.delete(ref);
      this.#report(eventType.deleted, entry.record);
      return;
    }
    entry.record = { ...entry.record, pinned };
  }

  /** Past records first, then what happens, until the client goes away or wants no more. */
  async listen(
    {
      activeOnly,
      ref,
      earlyExit,
    }: { readonly activeOnly: boolean; readonly ref: string; readonly earlyExit: boolean },
    { send, signal }: { readonly send: Send<HistoryEvent>; readonly signal: AbortSignal },
  ): Promise<void> {
    const isWanted = (record: HistoryRecord): boolean => ref === "" || record.Ref === ref;
    const queue: Sendable<HistoryEvent>[] = [];
    let wake = (): void => {};
    const listener = (event: Sendable<HistoryEvent>): void => {
      if (queue.length < mostRecords * 2) queue.push(event);
      wake();
    };
    if (!earlyExit) this.#listeners.add(listener);
    try {
      const past = [...this.#entries.values()].filter(
        ({ record, isActive }) => isWanted(record) && (isActive || !activeOnly),
      );
      for (const { record, isActive } of past)
        await send({ type: isActive ? eventType.started : eventType.complete, record });
      if (earlyExit) return;
      while (!signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) {
          if (event.record != null && isWanted(event.record)) await send(event);
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #report(type: number, record: HistoryRecord): void {
    for (const listener of this.#listeners) listener({ type, record });
  }
}
