import type { StartTiming } from "../types/container.ts";

// What `tare run` says besides what the program prints; said by the command line, or by the daemon for its front.

/** `started in 4.1 ms: root 0.6 · namespaces 0.7 · …`, one line. */
export function formatTiming({ TotalMs, Phases }: StartTiming): string {
  const phases = Phases.map(({ Name, Ms }) => `${Name} ${Ms.toFixed(1)}`).join(" · ");
  return `started in ${TotalMs.toFixed(1)} ms${phases === "" ? "" : `: ${phases}`}\n`;
}

/** The hello image tells of itself where the time went: it is part of what it prints. */
export function tellsTiming(image: string): boolean {
  return image === "hello" || image === "hello:latest";
}

/**
 * The status of a run whose program never started: 127 it is not there, 126 it can't be executed, else 125. `recorded` is what its container's
 * record says (0 when it is gone already); then the sentence tells.
 */
export function startFailureStatus(recorded: number, sentence: string): number {
  return recorded === 126 || recorded === 127 ? recorded : statusInSentence(sentence);
}

/** See startFailureStatus(). */
export function statusInSentence(sentence: string): number {
  if (/executable file not found|no such file or directory|ENOENT/.test(sentence)) return 127;
  if (/permission denied|is a directory|exec format error|EACCES|EISDIR|ENOEXEC/i.test(sentence)) return 126;
  return 125;
}
