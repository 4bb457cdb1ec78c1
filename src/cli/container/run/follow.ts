import { sentenceOf } from "../../../base/failure.ts";
import type { LeanClient } from "../../../client/lean-client.ts";
import type { Call } from "../../command.ts";
import type { OutputStream } from "../../context.ts";
import { silentFailure } from "../../flags/flag.ts";
import { onEndingSignals, onProxiedSignals, onResize, statusOfSignal } from "../../terminal/signals.ts";

/** Forwards our signals to the container, until disposed. Prints a failure on standard error. */
export function proxySignals(call: Call<unknown>, client: LeanClient, id: string): Disposable {
  return onProxiedSignals((signal) => {
    client.containers.kill(id, { signal: signal.slice("SIG".length) }).catch((thrown: unknown) => {
      if (call.globals.debug) call.err(`tare: cannot pass on ${signal}: ${sentenceOf(thrown)}\n`);
    });
  });
}

/** A signal that ends us while the terminal is in raw mode: its failure lets everything be put back first. */
export function endOnSignals(): { readonly signal: AbortSignal } & Disposable {
  const abort = new AbortController();
  const listening = onEndingSignals((signal) => abort.abort(silentFailure(statusOfSignal(signal))));
  return { signal: abort.signal, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

export type Resize = (size: Size) => Promise<void>;

/** One call after the other: of two requests at once the later one could be carried out first, and its size be lost. */
export function oneByOne(resize: Resize): Resize {
  let before: Promise<unknown> = Promise.resolve();
  return (size) => {
    const call = before.then(() => resize(size));
    before = call.catch(() => {});
    return call;
  };
}

/** Sends each new size of our terminal to the container, until disposed. */
export function followSize(stdout: OutputStream, resize: Resize): Disposable {
  return onResize(() => {
    const size = sizeOf(stdout);
    // The process may just have ended; a size that can't be set harms nothing.
    if (size !== undefined) resize(size).catch(() => {});
  });
}

/** The size of our terminal; undefined where it is none. */
export function sizeOf({ isTTY, rows, columns }: OutputStream): Size | undefined {
  return isTTY === true && rows !== undefined && columns !== undefined ? { rows, columns } : undefined;
}
