import type { ProgressMessage } from "../types/progress.ts";

/** One line of a progress stream, its line end as Docker has it. */
export function encodeProgressLine(message: ProgressMessage): string {
  return `${JSON.stringify(message)}\r\n`;
}

/** The line that reports a failure in a stream that started well. Clients print `error` and stop. */
export function failureMessage(sentence: string, code?: number): ProgressMessage {
  return {
    errorDetail: { code, message: sentence },
    error: sentence,
  };
}
