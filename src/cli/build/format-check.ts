import { isRecord } from "../../base/is-record.ts";
import { quoteControls } from "../../base/quote-controls.ts";

/** What `--check` prints: the number of warnings, then each with its lines. */
export function formatCheck(json: string, text: string): string {
  const count = countWarnings(json);
  if (count === 0) return `${quoteControls(text)}Check complete, no warnings found.\n`;
  const sentence = count === 1 ? "1 warning has been found!" : `${count} warnings have been found!`;
  return `Check complete, ${sentence}\n${quoteControls(text)}`;
}

function countWarnings(json: string): number {
  const report: unknown = JSON.parse(json);
  if (!isRecord(report)) return 0;
  const { warnings } = report;
  return Array.isArray(warnings) ? warnings.length : 0;
}
