import { formatAmounts } from "./build-amounts.ts";
import { type BuildTrace, isCanceled, shownName, type TracedStep } from "./build-trace.ts";

/** Lines of a running step's output that are shown. */
const logLines = 6;

/** What a terminal shows of a build at one moment. */
export interface ScreenState {
  readonly trace: BuildTrace;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly columns: number;
  readonly rows: number;
  readonly isOver: boolean;
}

/**
 * The lines of the display, none wider than the terminal and no more than it has: a heading with the time and the number
 * of steps, a line for each step that has begun, and below a running one its amounts and the end of its output.
 */
export function drawScreen({
  trace,
  startedAtMs,
  nowMs,
  columns,
  rows,
  isOver,
}: ScreenState): readonly string[] {
  const steps = [...trace.steps.values()];
  const done = steps.filter(({ vertex }) => vertex.CompletedAt !== undefined).length;
  const head = `[+] Building ${seconds(nowMs - startedAtMs)} (${done}/${steps.length})${isOver ? " FINISHED" : ""}`;
  const begun = steps.filter(({ index }) => index > 0).sort((one, other) => one.index - other.index);
  const running = begun.filter(({ vertex }) => vertex.CompletedAt === undefined);
  const lastRunning = running.at(-1);
  const blocks = begun.map((step) => ({
    isRunning: step.vertex.CompletedAt === undefined,
    lines: linesOf(step, { nowMs, columns, hasLog: step === lastRunning || running.length <= 2 }),
  }));
  // The end stays on the screen as a whole: the terminal scrolls.
  const most = isOver ? Number.POSITIVE_INFINITY : Math.max(3, rows - 2);
  const lines = blocks.flatMap((block) => block.lines);
  if (lines.length <= most) return [cut(head, columns), ...lines];
  // What runs is worth more than what is done.
  const live = blocks.filter(({ isRunning }) => isRunning).flatMap((block) => block.lines);
  const past = blocks.filter(({ isRunning }) => !isRunning).flatMap((block) => block.lines);
  const kept = live.slice(-most);
  const space = most - kept.length;
  return [cut(head, columns), ...(space === 0 ? [] : past.slice(-space)), ...kept];
}

function linesOf(
  step: TracedStep,
  { nowMs, columns, hasLog }: { readonly nowMs: number; readonly columns: number; readonly hasLog: boolean },
): readonly string[] {
  const { vertex, statuses, tail, partial } = step;
  const { StartedAt: startedAt = nowMs, CompletedAt: completedAt } = vertex;
  const time = seconds((completedAt ?? nowMs) - startedAt);
  const state = isCanceled(vertex)
    ? "CANCELED "
    : vertex.Error !== undefined
      ? "ERROR "
      : vertex.Cached === true
        ? "CACHED "
        : "";
  const lines = [columned(` => ${state}${shownName(vertex.Name)}`, time, columns)];
  const isRunning = completedAt === undefined;
  for (const status of statuses.values()) {
    if (!isRunning && status.CompletedAt !== undefined && status.Current === 0 && statuses.size > 8) continue;
    const end = status.CompletedAt ?? completedAt ?? nowMs;
    const text = ` => => ${shownName(status.Id)}${formatAmounts(status)}`;
    lines.push(columned(text, seconds(end - status.StartedAt), columns));
  }
  if (isRunning && hasLog) {
    const shown = [...tail, ...(partial === "" ? [] : [shownName(partial)])].slice(-logLines);
    for (const line of shown) lines.push(cut(` => => # ${line}`, columns));
  }
  return lines;
}

/** The text at the left and the time at the right. */
function columned(text: string, time: string, columns: number): string {
  const width = Math.max(0, columns - time.length - 2);
  return `${cut(text, width + 1).padEnd(width)} ${time}`;
}

/** A line that wrapped would move all others. */
function cut(text: string, columns: number): string {
  const most = Math.max(0, columns - 1);
  const characters = [...text];
  return characters.length <= most ? text : characters.slice(0, most).join("");
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}
