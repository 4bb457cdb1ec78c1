import { x86_64 } from "../../../kernel/syscalls/x86-64.ts";
import { type CallNumbers, countCalls } from "./table.ts";

/** Set in the number of each x32 call, which otherwise has the architecture of x86_64. */
export const x32Bit = 0x4000_0000;

/** Calls of x86_64 that x32 has not. */
const absent: ReadonlySet<string> = new Set([
  "_sysctl",
  "create_module",
  "epoll_ctl_old",
  "epoll_wait_old",
  "get_kernel_syms",
  "get_thread_area",
  "nfsservctl",
  "query_module",
  "set_thread_area",
  "uselib",
  "vserver",
]);

/** Calls with a number of their own, since their structures hold pointers. */
const own = countCalls(
  512,
  `
  rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending
  rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list
  get_robust_list vmsplice move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv
  process_vm_writev setsockopt getsockopt io_setup io_submit execveat preadv2 pwritev2
`,
);

/** System call numbers of x32, with their bit. Source: the kernel's unistd_x32.h, up to Linux 6.17. */
export const x32: CallNumbers = Object.fromEntries(
  Object.entries({ ...x86_64, ...own })
    .filter(([name]) => !absent.has(name))
    .map(([name, number]) => [name, x32Bit + number]),
);
