import { createHash, randomBytes } from "node:crypto";
import { sentenceOf } from "../../base/failure.ts";
import type { LintWarning } from "../../build/dockerfile/lint.ts";
import type { BuildStep } from "../../build/graph/dockerfile-to-graph.ts";
import { inputsOf, type Vertex } from "../../build/graph/graph-types.ts";
import type { SolveEvent } from "../../build/solver/solver.ts";
import type { BuildProgress } from "../../model/builds.ts";
import { type Digest, digestOf } from "../../spec/digest.ts";

/** SPEC: BuildKit keeps so much of a step's output, and so much for each second of it. */
const mostLogBytes = 2 * 1024 * 1024;

type VertexProgress = Extract<BuildProgress, { kind: "vertex" }>;

/** Tells the caller of a build what becomes of its steps: ids are their own in each build. */
export class BuildReport {
  readonly #send: (event: BuildProgress) => void;
  readonly #build = randomBytes(16);
  readonly #states = new Map<Vertex | string, VertexProgress>();
  readonly #logBytes = new Map<Digest, number>();
  #count = 0;

  constructor(send: (event: BuildProgress) => void) {
    this.#send = send;
  }

  idOf(vertex: Vertex): Digest {
    return this.#stateOf(vertex).id;
  }

  /** Announces a vertex and all that it needs, the first ones first. */
  announce(vertex: Vertex | undefined): void {
    if (vertex === undefined || this.#states.has(vertex)) return;
    const inputs = inputsOf(vertex);
    for (const input of inputs) this.announce(input);
    const { operation, id, name, group } = vertex;
    if (operation.kind === "context") return;
    if (operation.kind === "output") {
      // The program is shown, not what it makes.
      this.#states.set(vertex, this.#stateOf(operation.of));
      return;
    }
    this.#put(vertex, {
      kind: "vertex",
      id: id ?? this.newId(),
      name,
      group,
      inputs: inputs.flatMap((input) => this.#states.get(input)?.id ?? []),
    });
  }

  list(steps: readonly BuildStep[]): void {
    this.#send({
      kind: "steps",
      steps: steps.map(({ text, vertex }) => ({ text, vertex: vertex && this.idOf(vertex) })),
    });
  }

  /** Work that is no step of the Dockerfile: `[internal] load build context`. */
  async during<T>(
    name: string,
    work: (progress: (id: string, current: number, total?: number) => void, vertex: Digest) => Promise<T>,
  ): Promise<T> {
    const startedAtMs = Date.now();
    const begun: VertexProgress = { kind: "vertex", id: this.newId(), name, inputs: [], startedAtMs };
    this.#send(begun);
    try {
      const result = await work(
        (id, current, total) =>
          this.#send({ kind: "status", vertex: begun.id, id, current, total, startedAtMs }),
        begun.id,
      );
      this.#send({ ...begun, completedAtMs: Date.now() });
      return result;
    } catch (thrown) {
      this.#send({ ...begun, completedAtMs: Date.now(), error: sentenceOf(thrown) });
      throw thrown;
    }
  }

  /** A finding about the Dockerfile, of the step that has read it. */
  warn(vertex: Digest, { rule, url, detail, description, location }: LintWarning): void {
    const { startLine, endLine } = location;
    const short = `${rule}: ${detail} (line ${startLine})`;
    this.#send({ kind: "warning", vertex, short, detail: [description], url, startLine, endLine });
  }

  solved(event: SolveEvent): void {
    const { vertex } = event;
    const state = this.#stateOf(vertex);
    if (event.kind === "output") {
      this.#log(state.id, event.stream, event.bytes);
      return;
    }
    if (event.kind === "progress") {
      const { bytes: current, total } = event;
      const startedAtMs = state.startedAtMs ?? Date.now();
      this.#send({ kind: "status", vertex: state.id, id: "transferring:", current, total, startedAtMs });
      return;
    }
    const { atMs } = event;
    const startedAtMs = state.startedAtMs ?? atMs;
    switch (event.kind) {
      case "started":
        return this.#put(vertex, { ...state, startedAtMs });
      case "cached":
        return this.#put(vertex, { ...state, startedAtMs, completedAtMs: atMs, cached: true });
      case "completed":
        return this.#put(vertex, { ...state, startedAtMs, completedAtMs: atMs });
      case "failed":
        return this.#put(vertex, { ...state, startedAtMs, completedAtMs: atMs, error: event.message });
      default:
        event satisfies never;
    }
  }

  #log(vertex: Digest, stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const before = this.#logBytes.get(vertex) ?? 0;
    if (before > mostLogBytes) return;
    this.#logBytes.set(vertex, before + bytes.length);
    const isClipped = before + bytes.length > mostLogBytes;
    // The bytes belong to a buffer that is used again.
    const kept = isClipped
      ? Buffer.from(`\n[output clipped, log limit ${mostLogBytes / 1024 / 1024}MiB reached]\n`)
      : Uint8Array.from(bytes);
    this.#send({ kind: "log", vertex, stream: stream === "stdout" ? 1 : 2, atMs: Date.now(), bytes: kept });
  }

  #stateOf(vertex: Vertex): VertexProgress {
    this.announce(vertex);
    const { id = this.newId(), name, group } = vertex;
    return this.#states.get(vertex) ?? { kind: "vertex", id, name, group, inputs: [] };
  }

  #put(vertex: Vertex, state: VertexProgress): void {
    this.#states.set(vertex, state);
    this.#send(state);
  }

  /** Of no vertex of the Dockerfile. */
  newId(): Digest {
    return digestOf(
      createHash("sha256")
        .update(this.#build)
        .update(String(this.#count++))
        .digest(),
    );
  }
}
