import type { CapabilityName } from "../../process/capability.ts";

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * Calls that programs need every day and that the kernel itself checks: permissions, namespaces, cgroups and
 * capabilities restrict each of them. Names of all architectures together; an architecture skips names that it lacks.
 */
export const everydayCalls: readonly string[] = [
  // Files: open, read, write, seek, copy. Access is decided by modes, owners and the mount namespace.
  ...words(`
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2
    pwritev2 lseek _llseek truncate truncate64 ftruncate ftruncate64 fallocate readahead fadvise64 fadvise64_64
    arm_fadvise64_64 sendfile sendfile64 splice tee vmsplice copy_file_range dup dup2 dup3 fcntl fcntl64 flock ioctl
    pipe pipe2 memfd_create memfd_secret cachestat`),
  // Their durability.
  ...words(`
    sync syncfs fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range`),
  // Names, directories and what is written about a file. Handles can be asked for here, but not opened.
  ...words(`
    stat stat64 fstat fstat64 lstat lstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 access
    faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32
    utime utimes utimensat utimensat_time64 futimesat link linkat symlink symlinkat readlink readlinkat rename
    renameat renameat2 unlink unlinkat mkdir mkdirat rmdir mknod mknodat chdir fchdir getcwd getdents getdents64
    umask name_to_handle_at`),
  ...words(`
    setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr
    listxattrat removexattr lremovexattr fremovexattr removexattrat`),
  // Mounts: looking only, at the own namespace.
  ...words(`
    statmount listmount`),
  // Memory of the process itself.
  ...words(`
    brk mmap mmap2 munmap mremap mprotect madvise msync mincore mlock mlock2 mlockall munlock munlockall mseal
    remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack membarrier process_mrelease`),
  // Processes and threads, all within the pid namespace. What makes one is looked at by its flags: see clone.
  ...words(`
    fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid
    getsid setsid set_tid_address get_robust_list set_robust_list rseq prctl arch_prctl modify_ldt get_thread_area
    set_thread_area set_tls cacheflush breakpoint getcpu pidfd_open pidfd_send_signal kill tkill tgkill uretprobe`),
  // A debugger is confined by the pid namespace and the target's credentials. KERNEL(4.8): seccomp is asked again after
  // a tracer has changed a call's number, so ptrace is no way around the filter.
  ...words(`
    ptrace process_vm_readv process_vm_writev`),
  // Signals.
  ...words(`
    rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack signalfd signalfd4 sigprocmask sigreturn pause
    restart_syscall`),
  // Identities: only what CAP_SETUID, CAP_SETGID and CAP_SETPCAP permit.
  ...words(`
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
    getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid
    setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset`),
  // Time: reading, sleeping, timers. adjtimex and its kin also read the clock's state; changing it takes CAP_SYS_TIME.
  ...words(`
    time times gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
    clock_nanosleep_time64 nanosleep alarm getitimer setitimer adjtimex clock_adjtime clock_adjtime64 timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
    timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`),
  // Scheduling and limits, within those of the cgroup.
  ...words(`
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
    sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
    sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit
    prlimit64 getrusage`),
  // Waiting for events.
  ...words(`
    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl
    epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 inotify_init inotify_init1
    inotify_add_watch inotify_rm_watch fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents
    io_pgetevents io_pgetevents_time64 futex futex_time64 futex_wait futex_wake futex_waitv futex_requeue`),
  // Sockets, in the network namespace. Which families is decided at socket.
  ...words(`
    socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt send sendto
    sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall`),
  // System V and POSIX communication, in the ipc namespace.
  ...words(`
    ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
    mq_timedreceive_time64`),
  // Calls that reduce a program's privileges.
  ...words(`
    seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self`),
  // Questions.
  ...words(`
    uname sysinfo getrandom`),
];

/**
 * Privileged calls, allowed with the required capability. Without it the filter refuses before the kernel's own check,
 * which is weaker in user namespaces. clone has its own rules.
 */
export const gatedCalls: Readonly<Partial<Record<CapabilityName, readonly string[]>>> = {
  // Opens any file of the file system, past the mount namespace.
  CAP_DAC_READ_SEARCH: words("open_by_handle_at"),
  // Mounts, namespaces, names, quotas, and what the kernel has under this one capability besides.
  CAP_SYS_ADMIN: words(`
    mount umount umount2 fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr setns unshare sethostname
    setdomainname quotactl quotactl_fd fanotify_init bpf perf_event_open syslog lookup_dcookie lsm_get_self_attr
    lsm_set_self_attr lsm_list_modules`),
  CAP_SYS_BOOT: words("reboot"),
  CAP_SYS_CHROOT: words("chroot"),
  CAP_SYS_MODULE: words("init_module finit_module delete_module"),
  CAP_SYS_PACCT: words("acct"),
  // Takes apart other processes.
  CAP_SYS_PTRACE: words("kcmp pidfd_getfd process_madvise"),
  CAP_SYS_RAWIO: words("iopl ioperm"),
  // The clocks of the whole machine.
  CAP_SYS_TIME: words("settimeofday stime clock_settime clock_settime64"),
  CAP_SYS_TTY_CONFIG: words("vhangup"),
  // Where memory lies is shared with all others.
  CAP_SYS_NICE: words("get_mempolicy set_mempolicy set_mempolicy_home_node mbind"),
  CAP_SYSLOG: words("syslog"),
  CAP_BPF: words("bpf"),
  CAP_PERFMON: words("perf_event_open"),
};

/** Known, but denied to every process. */
export const deniedCalls: readonly string[] = [
  // Does other calls' work in the kernel, where no filter sees it.
  ...words(`
    io_uring_setup io_uring_enter io_uring_register`),
  // Keyrings belong to no namespace.
  ...words(`
    add_key request_key keyctl`),
  // Boots another kernel.
  ...words(`
    kexec_load kexec_file_load`),
  // Stops the kernel in the midst of its work: the tool of many an exploit.
  ...words(`
    userfaultfd`),
  // Belongs to the machine, not to a container.
  ...words(`
    swapon swapoff pivot_root nfsservctl sysfs pciconfig_iobase pciconfig_read pciconfig_write`),
  // Moves pages of other processes between nodes.
  ...words(`
    move_pages migrate_pages`),
  // Real mode on i386, with old holes.
  ...words(`
    vm86 vm86old`),
  // Replaced long ago, some never made: nothing but surface.
  ...words(`
    _sysctl uselib ustat create_module get_kernel_syms query_module bdflush afs_syscall getpmsg putpmsg security
    tuxcall vserver break ftime gtty stty idle lock mpx prof profil ulimit nice readdir oldstat oldfstat oldlstat
    olduname oldolduname signal sigaction sigpending sigsuspend sgetmask ssetmask`),
];
