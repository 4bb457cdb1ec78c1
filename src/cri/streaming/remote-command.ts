import type { Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../model/streams.ts";

/** Which streams a request has. */
export interface StreamChoice {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Never with a terminal. */
  readonly stderr: boolean;
  readonly terminal: boolean;
}

/** A client's ends of a program's streams. */
export interface RemoteStreams {
  readonly stdin?: Readable | undefined;
  readonly stdout?: Writable | undefined;
  readonly stderr?: Writable | undefined;
  /** Sizes of the client's terminal. */
  readonly onResize: (listener: (size: TerminalSize) => void) => void;
  /** The client has gone. */
  readonly signal: AbortSignal;
}

/** How a program ended, or why it could not be run. */
export type RemoteResult = { readonly code: number } | { readonly failure: string };

/**
 * What the client's stream of errors gets. `hasStatus`: version 4 of the protocol and later; before, a sentence or
 * nothing.
 * SPEC: Kubernetes' metav1.Status, as its remote commands use it.
 */
export function encodeResult(result: RemoteResult, { hasStatus }: { readonly hasStatus: boolean }): string {
  const message =
    "failure" in result
      ? result.failure
      : `command terminated with non-zero exit code: exit status ${result.code}`;
  const isSuccess = "code" in result && result.code === 0;
  if (!hasStatus) return isSuccess ? "" : message;
  if (isSuccess) return JSON.stringify({ metadata: {}, status: "Success" });
  if ("failure" in result)
    return JSON.stringify({ metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 });
  return JSON.stringify({
    metadata: {},
    status: "Failure",
    message,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(result.code) }] },
  });
}

const mostSizeBytes = 1024;

/** Reads the sizes that a client sends, one JSON object after another; what is none is ignored. */
export class SizeReader {
  #rest = "";

  push(piece: Uint8Array): readonly TerminalSize[] {
    this.#rest += Buffer.from(piece).toString("latin1");
    const sizes: TerminalSize[] = [];
    for (let end = this.#rest.indexOf("}"); end >= 0; end = this.#rest.indexOf("}")) {
      const size = findSize(this.#rest.slice(0, end + 1));
      if (size !== undefined) sizes.push(size);
      this.#rest = this.#rest.slice(end + 1);
    }
    if (this.#rest.length > mostSizeBytes) this.#rest = "";
    return sizes;
  }
}

function findSize(text: string): TerminalSize | undefined {
  const member = (name: string): number =>
    Number(new RegExp(`"${name}"\\s*:\\s*(\\d{1,5})\\b`, "i").exec(text)?.[1] ?? 0);
  const size = { columns: member("width"), rows: member("height") };
  const isSize = (value: number): boolean => value > 0 && value <= 65_535;
  return isSize(size.columns) && isSize(size.rows) ? size : undefined;
}
