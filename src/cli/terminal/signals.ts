import { system } from "../builtin-modules.ts";

/** The signals that are forwarded to a container: all that can be sent to a program. Not CHLD, PIPE, URG, WINCH. */
const proxied = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
] as const satisfies readonly NodeJS.Signals[];

const ending = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const satisfies readonly NodeJS.Signals[];

/** Calls `handle` with each signal to pass on, until disposed. */
export function onProxiedSignals(handle: (signal: NodeJS.Signals) => void): Disposable {
  return listen(proxied, handle);
}

/** Calls `handle` with each signal that asks this program to end, until disposed. */
export function onEndingSignals(handle: (signal: NodeJS.Signals) => void): Disposable {
  return listen(ending, handle);
}

/** Calls `handle` when the terminal's size has changed, until disposed. */
export function onResize(handle: () => void): Disposable {
  return listen(["SIGWINCH"], handle);
}

/** The exit status of a program that the signal ended. */
export function statusOfSignal(signal: NodeJS.Signals): number {
  return 128 + system().constants.signals[signal];
}

function listen(signals: readonly NodeJS.Signals[], handle: (signal: NodeJS.Signals) => void): Disposable {
  for (const signal of signals) process.on(signal, handle);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, handle);
    },
  };
}
