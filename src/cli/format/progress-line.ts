import type { ProgressMessage } from "../../api/types/progress.ts";
import { formatByteSize } from "../../base/byte-size.ts";

const barWidth = 50;

export function isCounting({ progressDetail }: ProgressMessage): boolean {
  return progressDetail?.current !== undefined || progressDetail?.total !== undefined;
}

export function formatStatus({ id, status = "" }: ProgressMessage): string {
  return id === undefined || id === "" ? status : `${id}: ${status}`;
}

/** One line: `0123456789ab: Loading layer [=====>    ]  1.2MB/3.4MB`; the bar gives way where it does not fit. */
export function formatLine(message: ProgressMessage, columns: number): string {
  const status = formatStatus(message);
  const { current = 0, total = 0 } = message.progressDetail ?? {};
  if (!isCounting(message)) return cut(status, columns);
  const numbers = total > 0 ? `${formatByteSize(current)}/${formatByteSize(total)}` : formatByteSize(current);
  if (total <= 0 || columns < status.length + barWidth + numbers.length + 8)
    return cut(`${status} ${numbers}`, columns);
  const filled = Math.min(barWidth, Math.floor((current / total) * barWidth));
  const head = filled < barWidth ? ">" : "";
  return `${status} [${"=".repeat(filled)}${head}${" ".repeat(barWidth - filled - head.length)}]  ${numbers}`;
}

/** A line that wrapped would move all others. */
function cut(text: string, columns: number): string {
  return text.length < columns ? text : text.slice(0, Math.max(0, columns - 1));
}
