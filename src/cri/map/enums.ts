import type { CriMount, CriNamespaceMode } from "../../model/cri.ts";

/** SPEC: runtime.v1, the values of the enumerations in the order of their numbers. */
export const podSandboxState = { ready: 0, notReady: 1 } as const;
export const containerState = { created: 0, running: 1, exited: 2, unknown: 3 } as const;
export const containerEventType = { created: 0, started: 1, stopped: 2, deleted: 3 } as const;
export const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const groupsPolicy = { merge: 0, strict: 1 } as const;
export const cgroupDriver = { systemd: 0, cgroupfs: 1 } as const;
export const metricType = { counter: 0, gauge: 1 } as const;
export const namespaceModes: readonly CriNamespaceMode[] = ["pod", "container", "node", "target"];
export const protocols = ["tcp", "udp", "sctp"] as const;
export const propagations: readonly CriMount["propagation"][] = [
  "private",
  "host-to-container",
  "bidirectional",
];

const plainSignals =
  "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ";

/** SPEC: runtime.v1.Signal; the first stands for the image's or the engine's default. */
const signals: readonly string[] = [
  "",
  ...plainSignals.split(" ").map((name) => `SIG${name}`),
  "SIGRTMIN",
  ...Array.from({ length: 15 }, (_, index) => `SIGRTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `SIGRTMAX-${14 - index}`),
  "SIGRTMAX",
];

/** Undefined for the default. */
export function signalName(value: number): string | undefined {
  return signals[value] === "" ? undefined : signals[value];
}

/** 0 for a signal without a number of its own. */
export function signalValue(name: string): number {
  return Math.max(0, signals.indexOf(name));
}
