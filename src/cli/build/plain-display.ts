import type { BuildMessage } from "../../api/types/build.ts";
import { formatAmounts } from "./build-amounts.ts";
import { BuildTrace, isCanceled, shownName, type TracedStep } from "./build-trace.ts";

/** How often the output of another step may take the place of the one that is shown. */
const leastShownMs = 1000;

/**
 * Progress as lines, in the form of BuildKit's: `#5 [2/3] RUN make`, `#5 0.123 output`, `#5 DONE 0.2s`. The lines of
 * one step stay together as long as others can wait.
 */
export class PlainDisplay {
  readonly trace: BuildTrace = new BuildTrace();
  readonly #write: (text: string) => void;
  #current: TracedStep | undefined;
  #currentSinceMs = 0;
  #isFirst = true;
  /** Lines that are not shown yet. */
  readonly #waiting = new Map<TracedStep, string[]>();
  readonly #shownStatuses = new Set<string>();

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(message: BuildMessage, nowMs: number): void {
    const taken = this.trace.take(message);
    if (taken === undefined || taken.step.index === 0) return;
    const { step, lines } = taken;
    const waiting = this.#waiting.get(step) ?? [];
    this.#waiting.set(step, waiting);
    waiting.push(...lines.map(({ seconds, text }) => `${seconds.toFixed(3)} ${text}`));
    const { Status: status } = message;
    const isStatusDone = status?.CompletedAt !== undefined || (status?.Total ?? -1) === status?.Current;
    if (status !== undefined && isStatusDone) this.#addStatus(step, status.Id, waiting);
    const isOver = step.vertex.CompletedAt !== undefined;
    const mayShow =
      isOver ||
      step === this.#current ||
      this.#current === undefined ||
      nowMs - this.#currentSinceMs >= leastShownMs;
    if (mayShow && (isOver || waiting.length > 0 || this.#current === undefined)) this.#show(step, nowMs);
  }

  #addStatus(step: TracedStep, id: string, waiting: string[]): void {
    const key = `${step.index} ${id}`;
    const status = step.statuses.get(id);
    if (status === undefined || this.#shownStatuses.has(key)) return;
    this.#shownStatuses.add(key);
    const seconds = ((status.CompletedAt ?? status.StartedAt) - status.StartedAt) / 1000;
    const time = seconds > 0.01 ? ` ${seconds.toFixed(1)}s` : "";
    waiting.push(`${shownName(id)}${formatAmounts(status)}${time} done`);
  }

  #show(step: TracedStep, nowMs: number): void {
    const { index, vertex } = step;
    if (this.#current !== step) {
      if (this.#current !== undefined) this.#write(`#${this.#current.index} ...\n`);
      this.#write(`${this.#isFirst ? "" : "\n"}#${index} ${shownName(vertex.Name)}\n`);
      this.#isFirst = false;
      this.#current = step;
      this.#currentSinceMs = nowMs;
    }
    const lines = this.#waiting.get(step) ?? [];
    if (lines.length > 0) this.#write(lines.map((line) => `#${index} ${line}\n`).join(""));
    this.#waiting.set(step, []);
    if (vertex.CompletedAt === undefined) return;
    this.#current = undefined;
    this.#waiting.delete(step);
    this.#write(`#${index} ${endOf(step)}\n`);
    // What others have said meanwhile.
    for (const [other, waiting] of this.#waiting) if (waiting.length > 0) return this.#show(other, nowMs);
  }
}

function endOf({ vertex }: TracedStep): string {
  if (vertex.Error !== undefined)
    return isCanceled(vertex) ? "CANCELED" : `ERROR: ${shownName(vertex.Error)}`;
  if (vertex.Cached === true) return "CACHED";
  const seconds = Math.max(0, (vertex.CompletedAt ?? 0) - (vertex.StartedAt ?? 0)) / 1000;
  return `DONE ${seconds.toFixed(1)}s`;
}
