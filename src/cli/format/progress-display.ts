import type { ProgressMessage } from "../../api/types/progress.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import type { OutputStream } from "../context.ts";

const barWidth = 50;

/**
 * Draws a stream of progress: on a terminal each id has its own line with a bar, elsewhere only what is final
 * is printed. Throws the Failure a message tells of.
 */
export async function displayProgress(
  messages: AsyncIterable<ProgressMessage>,
  out: OutputStream,
  { isQuiet = false }: { readonly isQuiet?: boolean } = {},
): Promise<void> {
  const display = out.isTTY === true ? new TerminalDisplay(out) : new PlainDisplay(out);
  for await (const message of messages) {
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) throw new Failure("internal", error, { details: { fromDaemon: true } });
    if (!isQuiet || message.stream !== undefined) display.show(message);
  }
}

class PlainDisplay {
  readonly #out: OutputStream;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  show(message: ProgressMessage): void {
    if (message.stream !== undefined) this.#out.write(message.stream);
    else if (message.status !== undefined && !isCounting(message))
      this.#out.write(`${formatStatus(message)}\n`);
  }
}

class TerminalDisplay {
  readonly #out: OutputStream;
  /** Ids in the order of their lines, the last line being the one above the cursor. */
  #lines: string[] = [];

  constructor(out: OutputStream) {
    this.#out = out;
  }

  show(message: ProgressMessage): void {
    if (message.stream !== undefined) {
      this.#lines = [];
      this.#out.write(message.stream);
      return;
    }
    if (message.status === undefined) return;
    const text = formatLine(message, this.#out.columns ?? 80);
    if (message.id === undefined || message.id === "") {
      this.#lines = [];
      this.#out.write(`${text}\n`);
      return;
    }
    const line = this.#lines.indexOf(message.id);
    if (line === -1) {
      this.#lines.push(message.id);
      this.#out.write(`${text}\n`);
      return;
    }
    const up = this.#lines.length - line;
    this.#out.write(`\x1b[${up}A\r\x1b[2K${text}\r\x1b[${up}B`);
  }
}

function isCounting({ progressDetail }: ProgressMessage): boolean {
  return progressDetail?.current !== undefined || progressDetail?.total !== undefined;
}

function formatStatus({ id, status = "" }: ProgressMessage): string {
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
