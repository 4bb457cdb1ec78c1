import type { ProgressMessage } from "../../api/types/progress.ts";
import type { BuildProgress } from "../../model/builds.ts";
import type { Digest } from "../../spec/digest.ts";

type Steps = Extract<BuildProgress, { kind: "steps" }>["steps"];
type Vertex = Extract<BuildProgress, { kind: "vertex" }>;

/**
 * The lines of `POST /build`: one instruction after the other, though steps run at the same time. Output of a step that
 * is not reached yet is kept; the engine bounds it.
 */
export class ClassicBuild {
  readonly #send: (message: ProgressMessage) => void;
  #steps: Steps = [];
  readonly #states = new Map<Digest, Vertex>();
  readonly #output = new Map<Digest, string[]>();
  #at = 0;
  #isShown = false;

  constructor(send: (message: ProgressMessage) => void) {
    this.#send = send;
  }

  take(event: BuildProgress): void {
    switch (event.kind) {
      case "steps":
        this.#steps = event.steps;
        this.#at = 0;
        this.#isShown = false;
        break;
      case "vertex":
        this.#states.set(event.id, event);
        break;
      case "log": {
        const text = Buffer.from(event.bytes).toString();
        const kept = this.#output.get(event.vertex) ?? [];
        this.#output.set(event.vertex, [...kept, text]);
        break;
      }
      default:
        return;
    }
    this.#advance();
  }

  #advance(): void {
    for (;;) {
      const step = this.#steps[this.#at];
      if (step === undefined) return;
      if (!this.#isShown) {
        this.#isShown = true;
        this.#line(`Step ${this.#at + 1}/${this.#steps.length} : ${step.text}\n`);
      }
      if (step.vertex !== undefined && !this.#finish(step.vertex)) return;
      this.#at++;
      this.#isShown = false;
    }
  }

  /** False: it is not done yet. */
  #finish(id: Digest): boolean {
    for (const text of this.#output.get(id) ?? []) this.#line(text);
    this.#output.delete(id);
    const state = this.#states.get(id);
    if (state?.completedAtMs === undefined || state.error !== undefined) return false;
    if (state.cached === true && !state.name.includes("] FROM ")) this.#line(" ---> Using cache\n");
    this.#line(` ---> ${id.slice("sha256:".length, "sha256:".length + 12)}\n`);
    return true;
  }

  #line(stream: string): void {
    this.#send({ stream });
  }
}
