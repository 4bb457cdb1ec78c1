import type { SeccompCondition, SeccompRule } from "../../../spec/seccomp.ts";
import { isPermissive } from "./action.ts";

/** Calls of i386 that share one number; their first argument selects the call. */
interface Multiplexer {
  readonly name: "socketcall" | "ipc";
  readonly mask: bigint;
  /** `-` is a number without a call. Source: linux/net.h and linux/ipc.h. */
  readonly calls: readonly string[];
}

const multiplexers: readonly Multiplexer[] = [
  {
    name: "socketcall",
    mask: 0xffff_ffffn,
    calls: (
      "- socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom " +
      "shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg"
    ).split(" "),
  },
  {
    name: "ipc",
    // KERNEL: ipc(2) takes a version in the upper half.
    mask: 0xffffn,
    calls: (
      "- semop semget semctl semtimedop - - - - - - msgsnd msgrcv msgget msgctl - - - - - - " +
      "shmat shmdt shmget shmctl"
    ).split(" "),
  },
];

export interface Multiplexed {
  readonly name: string;
  readonly condition: SeccompCondition;
}

/**
 * The meaning of a rule for `name` on socketcall or ipc, as in libseccomp. SAFETY: the arguments are in memory there,
 * which a filter cannot read: a permitting rule with conditions is not carried over; a refusing rule refuses the whole
 * call.
 */
export function findMultiplexed(name: string, rule: SeccompRule): Multiplexed | undefined {
  if (rule.conditions.length > 0 && isPermissive(rule.action)) return undefined;
  for (const { name: by, mask, calls } of multiplexers) {
    const number = calls.indexOf(name);
    if (number < 0) continue;
    return { name: by, condition: { index: 0, op: "MASKED_EQ", value: mask, valueTwo: BigInt(number) } };
  }
  return undefined;
}
