import { createHash, randomUUID } from "node:crypto";
import { sentenceOf } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import type { BuildProgress } from "../../model/builds.ts";
import type { WallMs } from "../../model/time.ts";
import { type Digest, parseDigest } from "../../spec/digest.ts";
import type { Messages } from "./messages.ts";

type StatusResponse = Sendable<Messages["moby.buildkit.v1.StatusResponse"]>;
type Timestamp = Sendable<Messages["google.protobuf.Timestamp"]>;

/** Output of one step that is kept and sent; the rest is dropped, as BuildKit does. */
const mostLogBytes = 2 * 1024 * 1024;
const mostEvents = 100_000;
const mostInMessage = 500;
/** Events within so many milliseconds go out together. */
const gatherMs = 30;

/** All that happened in one build, for any number of readers, who get it from its beginning. */
export class ProgressLog {
  readonly #events: BuildProgress[] = [];
  readonly #logBytes = new Map<Digest, number>();
  readonly #waiting = new Set<() => void>();
  readonly #vertices = new Map<Digest, BuildProgress & { readonly kind: "vertex" }>();
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;

  /** Steps by their states. */
  get counts(): { readonly cached: number; readonly completed: number; readonly total: number } {
    const all = [...this.#vertices.values()];
    return {
      cached: all.filter(({ cached }) => cached === true).length,
      completed: all.filter(({ completedAtMs }) => completedAtMs !== undefined).length,
      total: all.length,
    };
  }

  get warnings(): number {
    return this.#events.filter(({ kind }) => kind === "warning").length;
  }

  readonly add = (event: BuildProgress): void => {
    if (this.#isOver) return;
    const kept = event.kind === "log" ? this.#clip(event) : event;
    if (kept === undefined) return;
    if (kept.kind === "vertex") this.#vertices.set(kept.id, kept);
    else if (this.#events.length >= mostEvents) return;
    this.#events.push(kept);
    this.#wake();
  };

  /** Begins a step of the daemon's own; the caller ends it. */
  step(name: string): StepProgress {
    return new StepProgress(name, this.add);
  }

  /** Nothing comes any more. Steps that go on are reported as canceled. */
  end(): void {
    for (const vertex of this.#vertices.values()) {
      if (vertex.startedAtMs !== undefined && vertex.completedAtMs === undefined)
        this.add({ ...vertex, completedAtMs: Date.now(), error: "context canceled" });
    }
    this.#isOver = true;
    this.#ended.resolve();
    this.#wake();
  }

  /** All messages from the start on, until the build has ended. */
  async *follow(signal: AbortSignal): AsyncGenerator<StatusResponse, void, undefined> {
    let at = 0;
    while (!signal.aborted) {
      if (at < this.#events.length) {
        const some = this.#events.slice(at, at + mostInMessage);
        at += some.length;
        yield encodeProgress(some);
      } else if (this.#isOver) return;
      else await this.#changed(signal);
    }
  }

  async #changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
    if (this.#isOver) return;
    const gathered = new Promise<void>((resolve) => setTimeout(resolve, gatherMs));
    await Promise.race([gathered, this.#ended.promise]);
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }

  #clip(event: BuildProgress & { readonly kind: "log" }): BuildProgress | undefined {
    const before = this.#logBytes.get(event.vertex) ?? 0;
    this.#logBytes.set(event.vertex, before + event.bytes.length);
    if (before > mostLogBytes) return undefined;
    if (before + event.bytes.length <= mostLogBytes) return event;
    const bytes = Buffer.from("\n[output clipped, log limit 2MiB reached]\n");
    this.#logBytes.set(event.vertex, mostLogBytes + 1);
    return { ...event, bytes };
  }
}

/** One step that the daemon does itself: a transfer, an export. */
export class StepProgress {
  readonly id: Digest;
  readonly #name: string;
  readonly #add: (event: BuildProgress) => void;
  readonly #startedAtMs = Date.now();

  constructor(name: string, add: (event: BuildProgress) => void) {
    this.id = parseDigest(`sha256:${createHash("sha256").update(randomUUID()).digest("hex")}`);
    this.#name = name;
    this.#add = add;
    this.#report({});
  }

  /** Runs the step's work; it ends as that does. */
  async run<T>(work: (step: StepProgress) => Promise<T>): Promise<T> {
    try {
      const result = await work(this);
      this.#report({ completedAtMs: Date.now() });
      return result;
    } catch (thrown) {
      this.#report({ completedAtMs: Date.now(), error: sentenceOf(thrown) });
      throw thrown;
    }
  }

  /** A part of the work that counts bytes; `update()` may be called often. */
  part(id: string): { readonly update: (bytes: number) => void; readonly finish: () => void } {
    const startedAtMs = Date.now();
    let current = 0;
    let reportedAtMs = startedAtMs;
    const report = (completedAtMs?: WallMs): void =>
      this.#add({ kind: "status", vertex: this.id, id, current, startedAtMs, completedAtMs });
    report();
    return {
      update: (bytes) => {
        current = bytes;
        const now = Date.now();
        if (now - reportedAtMs < 100) return;
        reportedAtMs = now;
        report();
      },
      finish: () => report(Date.now()),
    };
  }

  log(text: string): void {
    this.#add({ kind: "log", vertex: this.id, stream: 2, atMs: Date.now(), bytes: Buffer.from(text) });
  }

  #report(more: { readonly completedAtMs?: WallMs; readonly error?: string }): void {
    this.#add({
      kind: "vertex",
      id: this.id,
      inputs: [],
      name: this.#name,
      startedAtMs: this.#startedAtMs,
      ...more,
    });
  }
}

/** Pure. */
export function timestampOf(ms: WallMs | undefined): Timestamp | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1_000_000) };
}

/** Events in their order as one message. Pure. */
export function encodeProgress(events: readonly BuildProgress[]): StatusResponse {
  const vertexes: Sendable<Messages["moby.buildkit.v1.Vertex"]>[] = [];
  const statuses: Sendable<Messages["moby.buildkit.v1.VertexStatus"]>[] = [];
  const logs: Sendable<Messages["moby.buildkit.v1.VertexLog"]>[] = [];
  const warnings: Sendable<Messages["moby.buildkit.v1.VertexWarning"]>[] = [];
  for (const event of events) {
    switch (event.kind) {
      case "vertex":
        vertexes.push({
          digest: event.id,
          inputs: event.inputs,
          name: event.name,
          progressGroup: event.group,
          cached: event.cached ?? false,
          started: timestampOf(event.startedAtMs),
          completed: timestampOf(event.completedAtMs),
          error: event.error ?? "",
        });
        break;
      case "status":
        statuses.push({
          ID: event.id,
          vertex: event.vertex,
          current: event.current,
          total: event.total ?? 0,
          timestamp: timestampOf(event.completedAtMs ?? event.startedAtMs),
          started: timestampOf(event.startedAtMs),
          completed: timestampOf(event.completedAtMs),
        });
        break;
      case "log":
        logs.push({
          vertex: event.vertex,
          timestamp: timestampOf(event.atMs),
          stream: event.stream,
          msg: event.bytes,
        });
        break;
      case "warning":
        warnings.push({
          vertex: event.vertex,
          level: 1,
          short: Buffer.from(event.short),
          detail: event.detail.map((line) => Buffer.from(line)),
          url: event.url ?? "",
          ranges: [{ start: { line: event.startLine }, end: { line: event.endLine } }],
        });
        break;
      case "steps":
        break;
      default:
        event satisfies never;
    }
  }
  return { vertexes, statuses, logs, warnings };
}
