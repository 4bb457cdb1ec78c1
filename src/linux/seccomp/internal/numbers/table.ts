/** Names of calls and their numbers on one architecture. */
export type CallNumbers = Readonly<Record<string, number>>;

/** Numbers the names of a list from `first` on; `-` is a number without a call. */
export function countCalls(first: number, names: string): CallNumbers {
  const entries = names
    .trim()
    .split(/\s+/)
    .map((name, index) => [name, first + index] as const);
  return Object.fromEntries(entries.filter(([name]) => name !== "-"));
}

/** The calls whose number is at least `first`. */
export function callsFrom(first: number, numbers: CallNumbers): CallNumbers {
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number >= first));
}

/**
 * The 64-bit time calls, which every 32-bit architecture has at the same numbers.
 * KERNEL(5.1): from 403 on, all architectures share their new numbers.
 */
export const time64: CallNumbers = countCalls(
  403,
  `
  clock_gettime64 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64
  timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 ppoll_time64 -
  io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 semtimedop_time64
  rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64
`,
);
