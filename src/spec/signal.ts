import { Failure } from "../base/failure.ts";

/** The numbers that x86_64 and arm64 share. */
const standard: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};

const aliases: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };

/** The first two real-time signals belong to the C library: programs count from 34. */
const realtimeMinimum = 34;
const realtimeMaximum = 64;

const numbers: ReadonlyMap<string, number> = new Map([
  ...Object.entries(standard),
  ...Object.entries(aliases),
  ["RTMIN", realtimeMinimum] as const,
  ["RTMAX", realtimeMaximum] as const,
]);
const names: ReadonlyMap<number, string> = new Map(
  Object.entries(standard).map(([name, number]) => [number, `SIG${name}`]),
);

/** `KILL`, `SIGKILL`, `sigkill`, `9`, `RTMIN+3`, `SIGRTMAX-1`: all that Docker takes. 1 to 64, else "invalid". */
export function parseSignal(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : numberOfName(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number < 1 || number > realtimeMaximum) {
    throw new Failure("invalid", `invalid signal: ${text}`);
  }
  return number;
}

function numberOfName(name: string): number | undefined {
  const realtime = /^RT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  if (realtime === null) return numbers.get(name);
  const distance = Number(realtime[2]);
  if (distance > realtimeMaximum - realtimeMinimum) return undefined;
  return realtime[1] === "MIN+" ? realtimeMinimum + distance : realtimeMaximum - distance;
}

/** `SIGKILL` for 9, `SIGRTMIN+3` for 37, `SIGRTMAX-1` for 63; the bare number for one without a name. */
export function formatSignal(number: number): string {
  const name = names.get(number);
  if (name !== undefined) return name;
  if (number < realtimeMinimum || number > realtimeMaximum) return String(number);
  if (number === realtimeMinimum) return "SIGRTMIN";
  if (number === realtimeMaximum) return "SIGRTMAX";
  return number - realtimeMinimum <= 15
    ? `SIGRTMIN+${number - realtimeMinimum}`
    : `SIGRTMAX-${realtimeMaximum - number}`;
}

/** The state that wait4(2) reports about a process. */
export type WaitStatus =
  | { readonly state: "exited"; readonly code: number }
  | { readonly state: "signaled"; readonly signal: number; readonly coreDumped: boolean }
  | { readonly state: "stopped"; readonly signal: number }
  | { readonly state: "continued" };

/** Decodes the status word of wait4(2). */
export function parseWaitStatus(word: number): WaitStatus {
  if (word === 0xffff) return { state: "continued" };
  const low = word & 0x7f;
  if (low === 0) return { state: "exited", code: (word >> 8) & 0xff };
  if (low === 0x7f) return { state: "stopped", signal: (word >> 8) & 0xff };
  return { state: "signaled", signal: low, coreDumped: (word & 0x80) !== 0 };
}

/** The shell's convention for a process that ended: its code, or 128 + the signal. */
export function exitCodeOf(status: Extract<WaitStatus, { state: "exited" | "signaled" }>): number {
  return status.state === "exited" ? status.code : 128 + status.signal;
}
