import type { BuildMessage, BuildStatus, BuildVertex, BuildWarning } from "../../api/types/build.ts";
import { quoteControls } from "../../base/quote-controls.ts";

/** Lines of a step's output that an error shows, as BuildKit does. */
const keptLines = 10;
/** A longer line is shown in parts. */
const longestLine = 64 * 1024;

/** What is known of a step. */
export interface TracedStep {
  vertex: BuildVertex;
  /** Counted from 1 in the order in which steps begin; 0: not begun. */
  index: number;
  readonly statuses: Map<string, BuildStatus>;
  /** Lines that are complete, the last ones. */
  readonly tail: string[];
  /** The line that is not complete. */
  partial: string;
  readonly decoder: InstanceType<typeof TextDecoder>;
}

/** A line of a step's output, ready for a terminal. */
export interface OutputLine {
  readonly seconds: number;
  readonly text: string;
}

/** What a build has reported so far. */
export class BuildTrace {
  readonly steps: Map<string, TracedStep> = new Map();
  readonly warnings: BuildWarning[] = [];
  #begun = 0;

  /** The step that the message is about, and the lines that it completes; undefined: it is about none. */
  take(
    message: BuildMessage,
  ): { readonly step: TracedStep; readonly lines: readonly OutputLine[] } | undefined {
    const { Vertex, Status, Log, Warning } = message;
    if (Vertex !== undefined) {
      const step = this.steps.get(Vertex.Id) ?? openStep(Vertex);
      this.steps.set(Vertex.Id, step);
      step.vertex = Vertex;
      if (Vertex.StartedAt !== undefined && step.index === 0) step.index = ++this.#begun;
      const rest = Vertex.CompletedAt === undefined ? "" : step.partial;
      if (rest === "") return { step, lines: [] };
      step.partial = "";
      return { step, lines: [this.#line(step, rest, Vertex.CompletedAt ?? 0)] };
    }
    if (Warning !== undefined) this.warnings.push(Warning);
    const step = this.steps.get(Status?.Vertex ?? Log?.Vertex ?? "");
    if (step === undefined) return undefined;
    if (Status !== undefined) step.statuses.set(Status.Id, Status);
    if (Log === undefined) return { step, lines: [] };
    const text = step.partial + step.decoder.decode(Buffer.from(Log.Data, "base64"), { stream: true });
    const texts = text.split("\n");
    const last = texts.pop() ?? "";
    step.partial = last.length > longestLine ? "" : last;
    if (last.length > longestLine) texts.push(last);
    return { step, lines: texts.map((each) => this.#line(step, each, Log.At)) };
  }

  #line(step: TracedStep, raw: string, atMs: number): OutputLine {
    const text = shownText(raw);
    step.tail.push(text);
    if (step.tail.length > keptLines) step.tail.shift();
    return { seconds: Math.max(0, atMs - (step.vertex.StartedAt ?? atMs)) / 1000, text };
  }
}

function openStep(vertex: BuildVertex): TracedStep {
  return { vertex, index: 0, statuses: new Map(), tail: [], partial: "", decoder: new TextDecoder() };
}

// oxlint-disable-next-line no-control-regex
const colors = /\u001b\[[0-9;]*[mK]/g;

/**
 * A line as a terminal may get it: what a progress bar has overwritten and colors are left out, other control
 * characters are written as text.
 */
export function shownText(raw: string): string {
  const text = raw.replace(/\r+$/, "");
  return quoteControls(text.slice(text.lastIndexOf("\r") + 1).replace(colors, ""));
}

/** A name on one line. */
export function shownName(name: string): string {
  return quoteControls(name.replace(/\s+/g, " ").trim());
}

export function isCanceled({ Error: error }: BuildVertex): boolean {
  return error !== undefined && /canceled$/i.test(error);
}
