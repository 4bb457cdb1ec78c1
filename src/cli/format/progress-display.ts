import type { ProgressMessage } from "../../api/types/progress.ts";
import { Failure } from "../../base/failure.ts";
import type { OutputStream } from "../context.ts";
import { formatStatus, isCounting } from "./progress-line.ts";
import { TerminalDisplay } from "./terminal-display.ts";

/**
 * Draws a stream of progress: on a terminal each id has its own line with a bar; elsewhere only final states are
 * printed. Throws the Failure that a message contains.
 */
export async function displayProgress(
  messages: AsyncIterable<ProgressMessage>,
  out: OutputStream,
  { isQuiet = false }: { readonly isQuiet?: boolean | undefined } = {},
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
