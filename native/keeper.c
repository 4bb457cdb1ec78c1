// The keeper: a freestanding static program, one for each container and each exec.
// Part 1, the plan runner, applies a list of raw system calls that TypeScript made: some here, the rest in a
// child. It contains no policy: no paths, no flags, no choices but "expect" and "skip".
// Part 2, the supervision, holds standard streams, writes the log, serves attached clients and records the exit.
// The keeper outlives the engine that started it; it communicates over one listening socket (descriptor 3).
// Part 3 is another program in the same file: the init of a container with the option `--init`.
// Part 4, the seccomp notifier, answers and records the calls that the container's filter hands over, if a plan
// requests it.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include "calls.h"
#include "plan.h"

static uint64_t clock_ns(int which) {
  struct timespec t = {0, 0};
  sys(SYS_clock_gettime, which, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static void close_fd(int *fd) {
  if (*fd >= 0) sys(SYS_close, *fd);
  *fd = -1;
}

// ---------------------------------------------------------------- part 1: the plan runner
enum { LISTENING = 3, MOST_RESULTS = 8192 };

static struct plan_header plan;
static struct plan_op *ops;      // before list, then child list
static uint8_t *blob;            // at PLAN_BLOB_ADDRESS
static size_t ops_bytes, blob_bytes;
static int64_t *results;         // of the list that runs
static int channel = -1, setup = -1, child_pidfd = -1;
static int child_pid;

static uint32_t load32(uint32_t at) {
  uint32_t value;
  memcpy(&value, blob + at, 4);
  return value;
}

// Whether `bytes` at `offset` lie in the blob.
static bool in_blob(int64_t offset, uint32_t bytes) {
  return offset >= 0 && (uint64_t)offset + bytes <= plan.blob_size;
}

static bool valid_check(const struct plan_op *op) {
  if (op->kind[0] != ARGUMENT_BLOB || op->kind[1] != ARGUMENT_BLOB || op->kind[2] != ARGUMENT_VALUE) return false;
  int64_t count = op->argument[2];
  return count >= 0 && count <= PLAN_MOST_CHECKED && in_blob(op->argument[0], 4) && in_blob(op->argument[1], 4 * (uint32_t)count);
}

static int64_t check_not_in(const struct plan_op *op) {
  uint32_t value = load32((uint32_t)op->argument[0]);
  for (uint32_t k = 0; k < (uint32_t)op->argument[2]; k++)
    if (load32((uint32_t)op->argument[1] + 4 * k) == value) return -EPERM;
  return 0;
}

// A plan is data from a trusted engine over a private socket; still nothing in it may make us touch memory
// outside of it: everything that we dereference ourselves is checked once, here.
static bool valid_ops(const struct plan_op *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct plan_op *op = &list[i];
    for (int k = 0; k < 6; k++) {
      int64_t argument = op->argument[k];
      switch (op->kind[k]) {
      case ARGUMENT_VALUE: break;
      case ARGUMENT_BLOB: if (!in_blob(argument, 0)) return false; break;
      case ARGUMENT_RESULT: if (argument < 0 || argument >= i) return false; break;
      case ARGUMENT_LOAD: if (!in_blob(argument, 4)) return false; break;
      default: return false;
      }
    }
    if (op->store != PLAN_NOWHERE && ((op->store_bytes != 4 && op->store_bytes != 8) || !in_blob(op->store, op->store_bytes)))
      return false;
    if (op->expect > EXPECT_ANYTHING) return false;
    if (op->skip > count - i - 1) return false; // forward only, within the list
    if (op->number == PLAN_CHECK_NOT_IN && !valid_check(op)) return false;
  }
  return true;
}

#define NAMESPACES \
  ((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME))

static bool valid_header(void) {
  const uint32_t *at = &plan.stdin_at;
  if (plan.magic != PLAN_MAGIC || plan.version != PLAN_VERSION) return false;
  if (plan.total < sizeof plan || plan.total > PLAN_MOST_BYTES) return false;
  if (plan.before_count > MOST_RESULTS || plan.child_count > MOST_RESULTS || plan.blob_size > PLAN_MOST_BYTES) return false;
  uint64_t whole = sizeof plan + (uint64_t)(plan.before_count + plan.child_count) * sizeof(struct plan_op) + plan.blob_size;
  if (whole != plan.total) return false;
  if (plan.clone_flags & ~NAMESPACES) return false; // a child that shares our memory or descriptors would be us
  for (int i = 0; i < 3; i++)
    if (at[i] != PLAN_NOWHERE && !in_blob(at[i], 4)) return false;
  bool has_policy = plan.policy_at != PLAN_NOWHERE;
  if (has_policy && (!in_blob(plan.policy_at, plan.policy_bytes) || plan.policy_bytes % 8 || !(plan.flags & PLAN_KEEP))) return false;
  return plan.log_files >= 1 && plan.log_files <= 10;
}

// Returns −1 when all went as expected, else the index of the op that did not.
static int64_t run_list(const struct plan_op *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct plan_op *op = &list[i];
    long v[6];
    for (int k = 0; k < 6; k++) {
      int64_t argument = op->argument[k];
      v[k] = op->kind[k] == ARGUMENT_BLOB     ? (long)(blob + argument)
             : op->kind[k] == ARGUMENT_RESULT ? (long)results[argument]
             : op->kind[k] == ARGUMENT_LOAD   ? (long)(int32_t)load32((uint32_t)argument)
                                              : (long)argument;
    }
    int64_t result;
    int tries = 0; // openat2(2): EAGAIN while a rename or mount anywhere makes ".." unsafe
    do result = op->number == PLAN_CHECK_NOT_IN ? check_not_in(op) : raw(op->number, v[0], v[1], v[2], v[3], v[4], v[5]);
    while (op->number == SYS_openat2 && result == -EAGAIN && ++tries < 4096);
    results[i] = result;
    if (op->store != PLAN_NOWHERE) memcpy(blob + op->store, &result, op->store_bytes);
    if (op->expect == EXPECT_ANYTHING || (op->expect == EXPECT_SUCCESS && result >= 0) ||
        (op->expect == EXPECT_EQUAL && result == op->expected))
      continue;
    bool skipped = false;
    for (int k = 0; k < 4 && !skipped; k++) skipped = result < 0 && op->skip_error[k] && result == -(int64_t)op->skip_error[k];
    if (!skipped) return i;
    for (uint32_t k = 0; k < op->skip; k++) results[++i] = result;
  }
  return -1;
}

// The packet about op `at` of `list`. It precedes the results: their mapping has space for it in front of them.
static size_t failure_packet(uint32_t list, int64_t at, uint32_t **packet) {
  *packet = (uint32_t *)results - 4;
  memcpy(*packet, (uint32_t[4]){CHANNEL_FAILED, list, (uint32_t)at, (uint32_t)results[at]}, 16);
  return 16 + 8 * (size_t)(at + 1);
}

static void send_all(int to, const void *from, size_t n) {
  const char *p = from;
  while (n) {
    long sent = sys(SYS_sendto, to, p, n, MSG_NOSIGNAL, 0, 0);
    if (sent == -EINTR) continue;
    if (sent == -EAGAIN) {
      struct pollfd writable = {to, POLLOUT, 0};
      struct timespec most = {2, 0};
      if (sys(SYS_ppoll, &writable, 1, &most, 0, 8) > 0) continue;
      sys(SYS_shutdown, to, SHUT_RDWR); // half an answer is worse than none
    }
    if (sent <= 0) return;
    p += sent;
    n -= (size_t)sent;
  }
}

static void answer(int to, uint32_t kind, const void *payload, uint32_t length) {
  uint8_t head[8 + 64];
  memcpy(head, &length, 4);
  memcpy(head + 4, &kind, 4);
  if (length <= 64) {
    memcpy(head + 8, payload, length);
    send_all(to, head, 8 + length);
  } else {
    send_all(to, head, 8);
    send_all(to, payload, length);
  }
}

static void refuse(int to, int error) { answer(to, ANSWER_REFUSED, &error, 4); }

// When the failure is reported, the child is gone already; it does not wait for a frozen child.
static void end_child(void) {
  if (child_pidfd < 0) return;
  struct pollfd gone = {child_pidfd, POLLIN, 0};
  struct timespec most = {1, 0};
  sys(SYS_pidfd_send_signal, child_pidfd, SIGKILL, 0, 0);
  sys(SYS_ppoll, &gone, 1, &most, 0, 8);
  sys(SYS_wait4, child_pid, 0, 1 /* WNOHANG */, 0);
}

__attribute__((noreturn)) static void give_up(void) {
  end_child();
  leave(1);
}

// Milliseconds that are left of the set-up; never below 0.
static long left_ms(uint64_t deadline) {
  uint64_t now = clock_ns(CLOCK_MONOTONIC);
  return now >= deadline ? 0 : (long)((deadline - now) / 1000000u) + 1;
}

static int wait_for(struct pollfd *fds, int count, uint64_t deadline) {
  for (;;) {
    long ms = left_ms(deadline);
    struct timespec most = {ms / 1000, ms % 1000 * 1000000};
    long ready = sys(SYS_ppoll, fds, count, &most, 0, 8);
    if (ready == -EINTR) continue;
    if (ready <= 0) give_up();
    return (int)ready;
  }
}

static void receive(int from, void *to, size_t n, uint64_t deadline) {
  char *p = to;
  while (n) {
    struct pollfd ready = {from, POLLIN, 0};
    wait_for(&ready, 1, deadline);
    long got = sys(SYS_read, from, p, n);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got <= 0) give_up(); // the engine went away in the middle
    p += got;
    n -= (size_t)got;
  }
}

static void *map(uint64_t where, size_t bytes) {
  long at = sys(SYS_mmap, where, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED_NOREPLACE : 0), -1, 0);
  if ((at < 0 && at > -4096) || (where && (uint64_t)at != where)) leave(1);
  return (void *)at;
}

// ---------------------------------------------------------------- part 4: the seccomp notifier
// The policy program is compiled from the same profile as the filter. It sees the same numbers, never memory: memory is
// only recorded.
static struct sock_filter *policy;
static struct record_slot *slots; // RECORD_SLOTS
static uint32_t policy_count, fine_slots;
static int listener = -1, signals = -1;

// The codes that the compiler of src/linux/seccomp/ uses; for anything else the call is refused.
static uint32_t run_policy(const struct seccomp_data *call) {
  uint32_t a = 0;
  for (uint64_t at = 0; at < policy_count; at++) {
    const struct sock_filter *op = &policy[at];
    switch (op->code) {
    case BPF_LD | BPF_W | BPF_ABS: if (op->k <= sizeof *call - 4) memcpy(&a, (const char *)call + op->k, 4); else at = policy_count; break;
    case BPF_ALU | BPF_AND | BPF_K: a &= op->k; break;
    case BPF_JMP | BPF_JA: at += op->k; break;
    case BPF_JMP | BPF_JEQ | BPF_K: at += a == op->k ? op->jt : op->jf; break;
    case BPF_JMP | BPF_JGT | BPF_K: at += a > op->k ? op->jt : op->jf; break;
    case BPF_JMP | BPF_JGE | BPF_K: at += a >= op->k ? op->jt : op->jf; break;
    case BPF_RET | BPF_K: return op->k;
    default: at = policy_count;
    }
  }
  return SECCOMP_RET_ERRNO | EPERM;
}

// The text at an address of the caller; empty when it cannot be read. KERNEL: it is cut off where no memory is.
static void read_text(uint32_t pid, uint64_t at, char *text) {
  struct iovec here = {text, RECORD_TEXT}, there = {(void *)at, RECORD_TEXT};
  long got = pid ? sys(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0) : 0;
  for (long i = 0; i < RECORD_TEXT; i++)
    if (i >= got || (i && !text[i - 1])) text[i] = 0;
}

// Where memory lies differs from run to run: it does not make a call another one.
#define IS_POINTER(argument) ((argument) >> 32 && (argument) >> 32 != 0xffffffffu)
static bool same_call(const struct record_slot *a, const struct record_slot *b) {
  bool same = a->number == b->number && a->architecture == b->architecture && a->verdict == b->verdict && a->coarse == b->coarse;
  for (int i = 0; same && !a->coarse && i < 6; i++)
    same = a->argument[i] == b->argument[i] || (IS_POINTER(a->argument[i]) && IS_POINTER(b->argument[i]));
  for (int i = 0; same && !a->coarse && i < RECORD_TEXT; i++) same = a->text[i] == b->text[i];
  return same;
}

static struct record_slot *find_slot(const struct record_slot *call) {
  struct record_slot *slot = slots + 1;
  while (slot < slots + RECORD_SLOTS && slot->count && !same_call(slot, call)) slot++;
  return slot < slots + RECORD_SLOTS ? slot : slots;
}

static void report_recorded(uint32_t index);

// Bounded, whatever is called how often: what differs in more than its number has RECORD_FINE slots, and all
// RECORD_SLOTS.
static void write_record(struct record_slot *call) {
  struct record_slot *slot = find_slot(call);
  if (!call->coarse && (slot == slots || (!slot->count && fine_slots >= RECORD_FINE))) call->coarse = 1, slot = find_slot(call);
  bool isNew = !slot->count;
  fine_slots += isNew && !call->coarse;
  if (isNew && slot != slots) *slot = *call;
  slot->last = call->last;
  if (slot->count != ~0u) slot->count++;
  size_t changed = isNew ? sizeof *slot : offsetof(struct record_slot, number);
  sys(SYS_pwrite64, plan.record_fd, slot, changed, (slot - slots) * sizeof *slot);
  if (isNew && !(call->verdict & POLICY_COARSE)) report_recorded((uint32_t)(slot - slots));
}

// SAFETY: a call continues only when the policy program reports that the profile allows it.
static void answer_call(void) {
  union { // the kernel copies structures of its own size, which may grow
    struct seccomp_notif call;
    struct seccomp_notif_resp reply;
    char bytes[1024];
  } of = {.bytes = {0}}, to = {.bytes = {0}};
  if (sys(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &of) < 0) return; // the caller has gone
  uint32_t verdict = run_policy(&of.call.data), text = POLICY_TEXT(verdict), action = verdict & SECCOMP_RET_ACTION_FULL;
  bool allowed = action == SECCOMP_RET_ALLOW;
  uint64_t now = clock_ns(CLOCK_REALTIME);
  struct record_slot call = {.first = now, .last = now, .number = of.call.data.nr, .architecture = of.call.data.arch,
                              .verdict = verdict, .pid = (int32_t)of.call.pid, .coarse = (verdict & POLICY_COARSE) != 0};
  memcpy(call.argument, of.call.data.args, sizeof call.argument);
  if (text && text <= 6) read_text(of.call.pid, call.argument[text - 1], call.text);
  if (sys(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &of.call.id) < 0) return; // else the memory may be another's
  to.reply.id = of.call.id;
  to.reply.error = allowed ? 0 : action == SECCOMP_RET_ERRNO ? -(int32_t)(verdict & POLICY_ERROR) : -EPERM;
  to.reply.flags = allowed ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
  sys(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &to);
  write_record(&call);
}

// Some calls at a time, so that a flood of them does not keep the streams waiting.
static void serve_listener(short events) {
  for (int some = 0; some < 16 && (events & POLLIN); some++) {
    answer_call();
    struct pollfd more = {listener, POLLIN, 0};
    struct timespec now = {0, 0};
    events = sys(SYS_ppoll, &more, 1, &now, 0, 8) > 0 ? more.revents : 0;
  }
  if (!(events & POLLIN) && events) close_fd(&listener); // KERNEL(5.9): POLLHUP: no process is left under the filter
}

static void receive_plan(uint64_t deadline) {
  receive(setup, &plan, sizeof plan, deadline);
  if (!valid_header()) {
    refuse(setup, EBADMSG);
    leave(1);
  }
  ops_bytes = (plan.before_count + plan.child_count) * sizeof(struct plan_op);
  blob_bytes = plan.blob_size;
  ops = map(0, ops_bytes);
  blob = map(PLAN_BLOB_ADDRESS, blob_bytes);
  results = (int64_t *)((char *)map(0, 16 + 8 * MOST_RESULTS) + 16);
  receive(setup, ops, ops_bytes, deadline);
  receive(setup, blob, blob_bytes, deadline);
  if (!valid_ops(ops, plan.before_count) || !valid_ops(ops + plan.before_count, plan.child_count)) {
    refuse(setup, EBADMSG);
    leave(1);
  }
  if (plan.policy_at == PLAN_NOWHERE) return;
  policy = memcpy(map(0, plan.policy_bytes), blob + plan.policy_at, plan.policy_bytes);
  policy_count = plan.policy_bytes / sizeof *policy;
  slots = map(0, RECORD_SLOTS * sizeof *slots);
}

__attribute__((noreturn)) static void child(void) {
  int64_t at = run_list(ops + plan.before_count, plan.child_count);
  if (at < 0) at = plan.child_count ? plan.child_count - 1 : 0; // the end without execve
  uint32_t *packet;
  size_t length = failure_packet(1, at, &packet);
  sys(SYS_sendto, PLAN_CHANNEL_AT(plan.flags), packet, length, MSG_NOSIGNAL, 0, 0);
  leave(127);
}

// A helper that has joined an existing user namespace clones the child, so that all new namespaces belong to that user
// namespace. The keeper stays outside, where processes of that user namespace have no rights. Returns 0 in the child.
static long clone_below(struct clone_args *how) {
  int *reported = (int *)sys(SYS_mmap, 0, 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if ((long)reported < 0 && (long)reported > -4096) return (long)reported;
  struct clone_args helper;
  memset(&helper, 0, sizeof helper);
  helper.flags = CLONE_FILES; // what it opens, the child's pidfd, is the keeper's
  helper.exit_signal = SIGCHLD;
  long pid = sys(SYS_clone3, &helper, sizeof helper);
  if (pid == 0) {
    long result = sys(SYS_setns, plan.join_user, CLONE_NEWUSER);
    if (result >= 0 && plan.join_pid >= 0) result = sys(SYS_setns, plan.join_pid, CLONE_NEWPID);
    how->flags |= CLONE_PARENT;
    how->exit_signal = 0; // the helper's own
    if (result >= 0 && (result = sys(SYS_clone3, how, sizeof *how)) == 0) return 0;
    reported[0] = (int)result;
    reported[1] = child_pidfd;
    leave(0);
  }
  if (pid > 0) {
    reported[0] = -ESRCH; // The helper was killed before it sent the pid.
    reported[1] = -1;
    while (sys(SYS_wait4, pid, 0, 0, 0) == -EINTR) {}
    pid = reported[0];
    child_pidfd = reported[1];
  }
  sys(SYS_munmap, reported, 8);
  return pid;
}

static void start_child(void) {
  int pair[2] = {-1, -1};
  if (sys(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) leave(1);
  struct clone_args how;
  memset(&how, 0, sizeof how);
  how.flags = plan.clone_flags | CLONE_PIDFD;
  how.pidfd = (uint64_t)&child_pidfd;
  how.exit_signal = SIGCHLD;
  if (plan.cgroup_fd >= 0) {
    how.flags |= CLONE_INTO_CGROUP;
    how.cgroup = (uint64_t)plan.cgroup_fd;
  }
  long pid = plan.join_user >= 0 ? clone_below(&how) : sys(SYS_clone3, &how, sizeof how);
  if (pid == 0) {
    // The keeper's ends are not for it: their closing is how it learns that the keeper is gone.
    sys(SYS_close, pair[0]);
    sys(SYS_close, setup);
    if (sys(SYS_dup3, pair[1], PLAN_CHANNEL_AT(plan.flags), O_CLOEXEC) < 0) leave(127);
    sys(SYS_close, pair[1]);
    child();
  }
  if (pid < 0) {
    // Reported as op 0xffffffff of the before list: the clone itself.
    uint32_t packet[4] = {CHANNEL_FAILED, 0, 0xffffffffu, (uint32_t)pid};
    answer(setup, ANSWER_FAILED, packet, sizeof packet);
    leave(1);
  }
  child_pid = (int)pid;
  channel = pair[0];
  close_fd(&pair[1]);
}

// ---------------------------------------------------------------- part 2: keeping
enum { BUFFER = 256 * 1024, INPUT = 16 * 1024, CHUNK = 64 * 1024, LEAST_SPACE = 4096 + 8, MOST_CLIENTS = 16, MOST_CONNECTIONS = 32 };
#define SECOND 1000000000ull
#define LINGER SECOND // how long a client may send input that is not read any more
#define STALL (10 * SECOND) // how long a client may take nothing after the process has ended

enum connection_state { CLOSED, ASKING, WATCHING, STREAMING };
struct connection {
  int fd;
  enum connection_state state;
  uint8_t wants;         // ATTACH_*
  bool input_open;       // more input may come
  uint32_t asked;        // bytes of the request so far
  struct request request;
  size_t cursor;         // what of the buffer it has
  size_t frame_left;     // bytes to the next frame, when only some frames are wanted
};

static struct connection connections[MOST_CONNECTIONS];
static uint8_t *buffer;        // [0, head): output that some client lacks
static size_t head;
static uint8_t *input;         // standard input on its way in
static size_t input_at, input_end;
static int in_fd = -1, out_fd = -1, err_fd = -1, master = -1, wait_status;
static bool running, ended, input_closing;
static uint64_t ended_ms, quiet_from, give_up_at; // the end, and after it: when the last output or progress was, and the latest patience
static long owed;                       // output that was there when the process ended, and is not read yet
static int log_fd = -1;
static uint64_t log_bytes, log_sequence, log_lost, log_block;
static uint8_t log_open; // streams whose last byte in the log was no line end

static bool is_terminal(void) { return plan.flags & PLAN_TERMINAL; }

struct log_begin { char magic[8]; uint64_t sequence; };
enum { LOG_FLAGS = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW };

static void create_log(void) {
  struct log_begin begin;
  memcpy(begin.magic, LOG_MAGIC, 8);
  begin.sequence = log_sequence + 1;
  log_fd = (int)sys(SYS_openat, plan.log_dir_fd, "log.0", LOG_FLAGS | O_CREAT | O_EXCL, 0600);
  if (log_fd < 0) return;
  if (sys(SYS_write, log_fd, &begin, 16) == 16) {
    log_sequence++;
    log_bytes = 16, log_block = LOG_BLOCK;
  } else { // a full disk: no file is better than one without its beginning
    close_fd(&log_fd);
    sys(SYS_unlinkat, plan.log_dir_fd, "log.0", 0);
  }
}

static void rotate_log(void) {
  char from[] = "log.0", to[] = "log.0";
  close_fd(&log_fd);
  for (uint32_t i = plan.log_files - 1; i > 0; i--) {
    to[4] = (char)('0' + i);
    from[4] = (char)(to[4] - 1);
    sys(SYS_renameat2, plan.log_dir_fd, from, plan.log_dir_fd, to, 0);
  }
  if (plan.log_files == 1) sys(SYS_unlinkat, plan.log_dir_fd, "log.0", 0);
  create_log();
}

// Goes on with the log of an earlier life of the container, unless that may be torn.
static void open_log(void) {
  struct log_begin begin;
  struct stat is;
  log_fd = (int)sys(SYS_openat, plan.log_dir_fd, "log.0", LOG_FLAGS, 0);
  if (log_fd < 0) return create_log();
  bool sound = sys(SYS_pread64, log_fd, &begin, 16, 0) == 16 && sys(SYS_fstat, log_fd, &is) == 0;
  for (int i = 0; sound && i < 7; i++) sound = begin.magic[i] == LOG_MAGIC[i];
  if (sound) {
    log_sequence = begin.sequence, log_bytes = (uint64_t)is.st_size;
    log_block = begin.magic[7] == '1' ? ~0ull : LOG_BLOCK;
  }
  if (!sound || (plan.flags & PLAN_LOG_ROTATE)) rotate_log();
}

static char *put_number(char *to, uint64_t number) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + number % 10);
  while (number /= 10);
  while (n) *to++ = digits[--n];
  return to;
}

static uint8_t open_after(uint8_t stream, const uint8_t *bytes, size_t length) {
  return !length ? log_open : bytes[length - 1] == '\n' ? log_open & (uint8_t)~stream : log_open | stream;
}

// False when it is not in the log: a full disk. No torn record stays in the middle. One that would cross the end of a
// block becomes two, or begins with the next block.
static bool append_log(uint8_t stream, const void *bytes, size_t length) {
  if (log_fd >= 0 && log_bytes + 32 + length > plan.log_most_bytes && log_bytes > 16) rotate_log();
  if (log_fd < 0) create_log(); // The disk may have free space again.
  if (log_fd < 0) return false;
  uint64_t space = log_block - log_bytes % log_block, now = clock_ns(CLOCK_REALTIME);
  size_t first = space >= 16 + length ? length : space > 16 ? space - 16 : 0, second = length - first;
  struct { uint32_t length; uint8_t stream, open, zero[2]; uint64_t time; } records[2] = {
      {(uint32_t)first, first ? stream : 0, first ? log_open : 0, {0, 0}, first ? now : 0},
      {(uint32_t)second, stream, open_after(stream, bytes, first), {0, 0}, now}};
  struct iovec parts[4] = {{records, first ? 16 : space}, {(void *)bytes, first}, {records + 1, second ? 16 : 0}, {(uint8_t *)bytes + first, second}};
  long wrote = sys(SYS_writev, log_fd, parts, 4);
  if (wrote == (long)(parts[0].iov_len + parts[2].iov_len + length)) {
    log_bytes += (uint64_t)wrote;
    log_open = open_after(stream, bytes, length);
    return true;
  }
  if (wrote > 0) sys(SYS_ftruncate, log_fd, log_bytes);
  return false;
}

// The keeper counts the bytes that it could not log, and writes the count in their place. A full log never blocks the
// process.
static void report_loss(void) {
  static const char before[] = "tare: ", after[] = " bytes of output are missing here: the disk was full\n";
  char text[96], *end = put_number(memcpy(text, before, sizeof before - 1) + (sizeof before - 1), log_lost);
  memcpy(end, after, sizeof after - 1);
  if (append_log(is_terminal() ? 1 : 2, text, (size_t)(end - text) + sizeof after - 1)) log_lost = 0;
}

static void write_log(uint8_t stream, const uint8_t *bytes, size_t length) {
  if (plan.log_dir_fd < 0) return;
  if (log_lost) report_loss();
  if (log_lost || !append_log(stream, bytes, length)) log_lost += length;
}

static int streaming(void) {
  int count = 0;
  for (int i = 0; i < MOST_CONNECTIONS; i++) count += connections[i].state == STREAMING;
  return count;
}

static void drop(struct connection *of) {
  close_fd(&of->fd);
  of->state = CLOSED;
}

// Ends the stream of a client that has all output. KERNEL: closing over unread input resets the connection, and the
// client may lose output over it: one that still sends input is waited for.
static void end_stream(struct connection *of) {
  if (of->cursor < head) return;
  if (of->input_open && of->wants & ATTACH_STDIN) sys(SYS_shutdown, of->fd, SHUT_WR);
  else drop(of);
}

static void close_input(void) {
  if (is_terminal()) return; // a terminal's input ends with the terminal
  if (input_at < input_end) input_closing = true;
  else close_fd(&in_fd);
}

// Moves the smallest cursor to the front; returns the free bytes at the end.
static size_t make_space(void) {
  size_t least = head;
  for (int i = 0; i < MOST_CONNECTIONS; i++)
    if (connections[i].state == STREAMING && connections[i].cursor < least) least = connections[i].cursor;
  if (least == head || (least > 0 && BUFFER - head < CHUNK + 8)) {
    memmove(buffer, buffer + least, head - least);
    head -= least;
    for (int i = 0; i < MOST_CONNECTIONS; i++)
      if (connections[i].state == STREAMING) connections[i].cursor -= least;
  }
  return BUFFER - head;
}

static bool wanted(const struct connection *of, uint8_t stream) {
  return of->wants & (stream == 2 ? ATTACH_STDERR : ATTACH_STDOUT);
}

static void feed_client(struct connection *of) {
  bool all = is_terminal() || (wanted(of, 1) && wanted(of, 2));
  if (is_terminal() && !wanted(of, 1)) of->cursor = head;
  while (of->cursor < head) {
    size_t length = head - of->cursor;
    if (!all) {
      if (of->frame_left == 0) {
        const uint8_t *frame = buffer + of->cursor;
        size_t whole = 8 + ((size_t)frame[4] << 24 | (size_t)frame[5] << 16 | (size_t)frame[6] << 8 | frame[7]);
        if (!wanted(of, frame[0])) {
          of->cursor += whole;
          continue;
        }
        of->frame_left = whole;
      }
      length = of->frame_left;
    }
    long sent = sys(SYS_sendto, of->fd, buffer + of->cursor, length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    if (sent == -EAGAIN) return;
    if (sent == -EINTR) continue;
    if (sent <= 0) return drop(of);
    of->cursor += (size_t)sent;
    if (ended) quiet_from = clock_ns(CLOCK_MONOTONIC);
    if (!all) of->frame_left -= (size_t)sent;
  }
}

// Takes what the process wrote. False at its end of file.
static bool take_output(int fd, uint8_t stream) {
  size_t space = make_space(), header = is_terminal() ? 0 : 8;
  if (space < LEAST_SPACE) return true;
  size_t most = space - header < CHUNK ? space - header : CHUNK;
  uint8_t *frame = buffer + head;
  long got = sys(SYS_read, fd, frame + header, most);
  if (got == -EAGAIN || got == -EINTR) return true;
  if (got <= 0) return false; // EIO is a terminal's end of file
  owed -= got;
  write_log(stream, frame + header, (size_t)got);
  if (streaming() == 0) return true;
  if (header) {
    uint8_t be[8] = {stream, 0, 0, 0, (uint8_t)(got >> 24), (uint8_t)(got >> 16), (uint8_t)(got >> 8), (uint8_t)got};
    memcpy(frame, be, 8);
  }
  head += header + (size_t)got;
  for (int i = 0; i < MOST_CONNECTIONS; i++)
    if (connections[i].state == STREAMING) feed_client(&connections[i]);
  return true;
}

static void flush_input(void) {
  int to = is_terminal() ? master : in_fd;
  while (input_at < input_end) {
    long wrote = to < 0 ? -EPIPE : sys(SYS_write, to, input + input_at, input_end - input_at);
    if (wrote == -EAGAIN) return;
    if (wrote == -EINTR) continue;
    if (wrote <= 0) input_at = input_end; // The process has closed its input.
    else input_at += (size_t)wrote;
  }
  input_at = input_end = 0;
  if (input_closing) close_fd(&in_fd);
}

static void take_input(struct connection *of) {
  long got = sys(SYS_read, of->fd, input, INPUT);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got > 0) {
    if (!(of->wants & ATTACH_STDIN)) return;
    input_at = 0, input_end = (size_t)got;
    flush_input();
    return;
  }
  of->input_open = false;
  if ((of->wants & ATTACH_STDIN) && (plan.flags & PLAN_CLOSE_STDIN)) close_input();
  if (got < 0) drop(of);
}

static void report_running(int to) {
  struct {
    int32_t pid; uint32_t flags; uint64_t time;
    int32_t kept[PLAN_MOST_KEPT];
    int32_t keeper_pid, zero;
  } payload = {child_pid, plan.flags, clock_ns(CLOCK_MONOTONIC), {0}, (int32_t)sys(SYS_getpid), 0};
  memcpy(payload.kept, plan.kept, sizeof payload.kept);
  answer(to, ANSWER_RUNNING, &payload, sizeof payload);
}

static void report_exit(int to) {
  struct { int32_t pid, status; uint64_t ms; } exit = {child_pid, wait_status, ended_ms};
  answer(to, ANSWER_EXIT, &exit, sizeof exit);
}

static void report_recorded(uint32_t index) {
  uint32_t frame[3] = {4, ANSWER_RECORDED, index};
  for (int i = 0; i < MOST_CONNECTIONS; i++) // a client that does not read finds it in the record
    if (connections[i].state == WATCHING) sys(SYS_sendto, connections[i].fd, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

static void serve(struct connection *of) {
  const struct request *asked = &of->request;
  of->asked = 0;
  if (asked->magic != REQUEST_MAGIC) return drop(of);
  switch (asked->operation) {
  case REQUEST_WATCH:
    of->state = WATCHING;
    report_running(of->fd);
    return;
  case REQUEST_ATTACH:
    if (streaming() >= MOST_CLIENTS) return refuse(of->fd, EAGAIN);
    make_space();
    of->state = STREAMING;
    of->wants = (uint8_t)asked->a;
    of->input_open = true;
    of->cursor = head, of->frame_left = 0; // from now on: what came before is in the log
    answer(of->fd, ANSWER_DONE, "", 0);
    return;
  case REQUEST_RESIZE: {
    struct winsize size = {(unsigned short)asked->b, (unsigned short)asked->a, 0, 0};
    long result = master < 0 ? -ENOTTY : sys(SYS_ioctl, master, TIOCSWINSZ, &size);
    if (result < 0) refuse(of->fd, (int)-result);
    else answer(of->fd, ANSWER_DONE, "", 0);
    return;
  }
  case REQUEST_CLOSE_STDIN:
    close_input();
    answer(of->fd, ANSWER_DONE, "", 0);
    return;
  default:
    refuse(of->fd, ENOSYS);
  }
}

// While the child is being made attaching is welcome, so no byte of output is missed; to watch has to wait.
static bool too_early(const struct connection *of) {
  return !running && of->asked == sizeof of->request && of->request.operation == REQUEST_WATCH;
}

static void take_request(struct connection *of) {
  long got = sys(SYS_read, of->fd, (char *)&of->request + of->asked, sizeof of->request - of->asked);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got <= 0) {
    if (of == &connections[0] && (plan.flags & PLAN_DIE_WITH_CALLER))
      sys(SYS_pidfd_send_signal, child_pidfd, SIGKILL, 0, 0);
    return drop(of);
  }
  of->asked += (uint32_t)got;
  if (of->asked == sizeof of->request && !too_early(of)) serve(of);
}

static void take_connection(void) {
  int fd = (int)sys(SYS_accept4, LISTENING, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (int i = 1; i < MOST_CONNECTIONS; i++) // the first is the set-up connection's
    if (connections[i].state == CLOSED) {
      connections[i] = (struct connection){.fd = fd, .state = ASKING};
      return;
    }
  refuse(fd, EAGAIN);
  sys(SYS_close, fd);
}

// "code 3 1700000000000\n" or "signal 9 …": written whole under another name, then renamed.
static void record_exit(void) {
  if (plan.exit_dir_fd < 0) return;
  char text[64], *end = text;
  bool by_signal = wait_status & 0x7f;
  memcpy(end, by_signal ? "signal " : "code ", 7);
  end += by_signal ? 7 : 5;
  end = put_number(end, by_signal ? wait_status & 0x7f : wait_status >> 8 & 0xff);
  *end++ = ' ';
  end = put_number(end, ended_ms);
  *end++ = '\n';
  int fd = (int)sys(SYS_openat, plan.exit_dir_fd, "exit.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  bool whole = sys(SYS_write, fd, text, end - text) == end - text;
  sys(SYS_close, fd);
  if (whole) sys(SYS_renameat2, plan.exit_dir_fd, "exit.new", plan.exit_dir_fd, "exit", 0);
}

static int unread(int fd) {
  int bytes = 0;
  if (fd >= 0) sys(SYS_ioctl, fd, FIONREAD, &bytes);
  return bytes;
}

static void reap(void) {
  for (;;) {
    int status = 0;
    long pid = sys(SYS_wait4, -1, &status, 1 /* WNOHANG */, 0);
    if (pid <= 0) return;
    if (pid != child_pid || ended) continue;
    ended = true;
    wait_status = status;
    ended_ms = clock_ns(CLOCK_REALTIME) / 1000000u;
    quiet_from = clock_ns(CLOCK_MONOTONIC);
    give_up_at = quiet_from + 2 * SECOND;
    owed = unread(out_fd) + unread(err_fd);
    record_exit();
  }
}

static void take_signals(void) {
  char info[128]; // one signalfd_siginfo
  while (sys(SYS_read, signals, info, sizeof info) > 0) {}
  reap();
}

// The smallest descriptor above `after` that keeping needs; −1: none.
static int next_kept(int after) {
  const int fixed[] = {LISTENING, setup, channel, child_pidfd, plan.log_dir_fd, plan.exit_dir_fd, plan.record_fd, in_fd, out_fd, err_fd, listener, signals};
  int least = -1;
  for (unsigned i = 0; i < sizeof fixed / sizeof *fixed + PLAN_MOST_KEPT; i++) {
    int fd = i < PLAN_MOST_KEPT ? plan.kept[i] : fixed[i - PLAN_MOST_KEPT];
    if (fd > after && (least < 0 || fd < least)) least = fd;
  }
  return least;
}

static void close_others(void) {
  int last = 2;
  for (;;) {
    int next = next_kept(last);
    if (next < 0 || next > last + 1) sys(SYS_close_range, (unsigned)last + 1, next < 0 ? ~0u : (unsigned)next - 1, 0);
    if (next < 0) return;
    last = next;
  }
}

static int from_blob(uint32_t at) { return at == PLAN_NOWHERE ? -1 : (int)load32(at); }

static int nonblocking(int fd) {
  if (fd >= 0) sys(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
  return fd;
}

// After the child has its copies: only what keeping needs stays open.
static void shed_descriptors(void) {
  in_fd = nonblocking(from_blob(plan.stdin_at));
  out_fd = nonblocking(from_blob(plan.stdout_at));
  err_fd = nonblocking(from_blob(plan.stderr_at));
  close_others();
}

static void take_descriptor(uint32_t tag, int64_t value) {
  int fd = (int)sys(SYS_pidfd_getfd, child_pidfd, value, 0);
  if (fd < 0) give_up();
  if (tag == TAKE_MASTER) {
    master = out_fd = nonblocking(fd);
  } else if (tag == TAKE_LISTENER && policy && listener < 0) {
    listener = fd; // KERNEL(6.6): the caller goes on on the same processor as soon as it is answered
    sys(SYS_ioctl, listener, SECCOMP_IOW(4, uint64_t), 1 /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP */);
  } else {
    give_up();
  }
}

// From the clone to the program's first instruction. Returns false when the child failed; the failure has been
// reported.
static bool attend_setup(uint64_t deadline) {
  static uint8_t packet[16 + 8 * MOST_RESULTS];
  bool waiting = false; // for the engine's GO
  for (;;) {
    enum { FIXED = 4 };
    struct pollfd fds[FIXED + MOST_CONNECTIONS] = {{channel, POLLIN, 0}, {setup, POLLIN, 0}, {LISTENING, POLLIN, 0}, {listener, POLLIN, 0}};
    for (int i = 0; i < MOST_CONNECTIONS; i++)
      fds[FIXED + i] = (struct pollfd){connections[i].state != ASKING || too_early(&connections[i]) ? -1 : connections[i].fd, POLLIN, 0};
    wait_for(fds, FIXED + MOST_CONNECTIONS, deadline);
    if (fds[3].revents) serve_listener(fds[3].revents);
    if (fds[0].revents) {
      long got = sys(SYS_read, channel, packet, sizeof packet);
      uint32_t words[4];
      memcpy(words, packet, 16);
      if (got == 0) return true; // execve closed it
      if (got < 4) give_up();
      if (words[0] == CHANNEL_FAILED) {
        end_child();
        answer(setup, ANSWER_FAILED, packet, (uint32_t)got);
        return false;
      }
      if (words[0] == CHANNEL_NOTE) answer(setup, ANSWER_NOTE, packet, (uint32_t)got);
      else if (words[0] != CHANNEL_BARRIER || got != 16) give_up();
      else if (words[1] & 0x80000000u) {
        int64_t value;
        memcpy(&value, packet + 8, 8);
        take_descriptor(words[1], value);
        sys(SYS_write, channel, "g", 1);
      } else {
        answer(setup, ANSWER_BARRIER, packet, 16);
        waiting = true;
      }
    }
    if (fds[1].revents) {
      struct request go;
      receive(setup, &go, sizeof go, deadline);
      if (go.magic != REQUEST_MAGIC || go.operation != REQUEST_GO || !waiting) give_up();
      waiting = false;
      sys(SYS_write, channel, "g", 1);
    }
    if (fds[2].revents) take_connection();
    for (int i = 0; i < MOST_CONNECTIONS; i++)
      if (fds[FIXED + i].revents && fds[FIXED + i].fd >= 0) take_request(&connections[i]);
  }
}

// Whether all output was taken: the streams have ended. Or other processes hold them open (a background process outside
// of the pid namespace), and no output came at the last check and in the 0.1 s before. Or 2 s have passed: later output
// is not the process's own.
static bool settled(bool silent) {
  if (!ended) return false;
  if (out_fd < 0 && err_fd < 0) return true;
  uint64_t now = clock_ns(CLOCK_MONOTONIC);
  return (silent && now >= quiet_from + SECOND / 10) || (owed <= 0 && now >= give_up_at);
}

// A client that has taken nothing for too long after the end is given up: the log still wants the rest.
static void drop_stalled(void) {
  if (clock_ns(CLOCK_MONOTONIC) < quiet_from + STALL) return;
  for (int i = 0; i < MOST_CONNECTIONS; i++)
    if (connections[i].state == STREAMING && connections[i].cursor < head) drop(&connections[i]);
}

// Processes that outlive the first one still want answers to their calls, and nothing else.
static void keep_listener_only(void) {
  for (int i = 0; i < PLAN_MOST_KEPT; i++) plan.kept[i] = -1;
  for (int i = 0; i < MOST_CONNECTIONS; i++) connections[i].state = CLOSED;
  setup = child_pidfd = in_fd = out_fd = err_fd = plan.log_dir_fd = plan.exit_dir_fd = -1;
  close_others();
  sys(SYS_close, LISTENING);
}

// All output is taken: end the clients' streams (this process has to unmount the root before it ends), report the exit
// to the engine's connection last, because it is the first, wait a bounded time for slow clients, exit.
__attribute__((noreturn)) static void finish(void) {
  for (int i = MOST_CONNECTIONS; i-- > 0;)
    if (connections[i].state == STREAMING) end_stream(&connections[i]);
    else if (connections[i].state == WATCHING) report_exit(connections[i].fd);
  if (log_lost) report_loss();
  quiet_from = clock_ns(CLOCK_MONOTONIC);
  for (;;) {
    struct pollfd fds[MOST_CONNECTIONS + 2] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
    long ms = 0;
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
      bool open = connections[i].state == STREAMING, lacks = open && connections[i].cursor < head;
      fds[2 + i] = (struct pollfd){open ? connections[i].fd : -1, lacks ? POLLOUT : POLLIN, 0};
      long left = open ? left_ms(quiet_from + (lacks ? STALL : LINGER)) : 0;
      if (left > ms) ms = left;
    }
    if (!ms && listener < 0) leave(0);
    if (!ms && setup >= 0) keep_listener_only();
    struct timespec most = {ms / 1000, ms % 1000 * 1000000};
    sys(SYS_ppoll, fds, MOST_CONNECTIONS + 2, ms ? &most : 0, 0, 8);
    if (fds[0].revents) serve_listener(fds[0].revents);
    if (fds[1].revents) take_signals();
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
      struct connection *of = &connections[i];
      if (fds[2 + i].fd < 0 || !fds[2 + i].revents) continue;
      if (of->cursor < head) feed_client(of);
      else if (sys(SYS_read, of->fd, input, INPUT) <= 0) drop(of);
      if (of->state == STREAMING) end_stream(of);
    }
  }
}

__attribute__((noreturn)) static void keep(void) {
  bool idle = false, silent = false;
  for (;;) {
    bool space = make_space() >= LEAST_SPACE, hungry = input_at == input_end;
    if (space && settled(silent)) finish();
    if (!space && ended) drop_stalled();
    int feed = is_terminal() ? master : in_fd;
    enum { FIXED = 6 };
    struct pollfd fds[FIXED + MOST_CONNECTIONS] = {
        {signals, POLLIN, 0},
        {LISTENING, POLLIN, 0},
        {space ? out_fd : -1, POLLIN, 0},
        {space ? err_fd : -1, POLLIN, 0},
        {hungry ? -1 : feed, POLLOUT, 0},
        {listener, POLLIN, 0},
    };
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
      const struct connection *of = &connections[i];
      short events = 0;
      bool watch = of->state != CLOSED;
      if (of->state == ASKING || of->state == WATCHING) events = POLLIN;
      if (of->state == STREAMING)
        events = (short)((of->input_open && hungry ? POLLIN : 0) | (of->cursor < head ? POLLOUT : 0));
      // The keeper still polls a client that ended its input for its hang-up, but not a client whose input has to wait.
      if (!events && of->state == STREAMING && of->input_open) watch = false;
      fds[FIXED + i] = (struct pollfd){watch ? of->fd : -1, events, 0};
    }
    struct timespec soon = {0, ended ? 20000000 : 500000000};
    bool timed = ended || !idle;
    long ready = sys(SYS_ppoll, fds, FIXED + MOST_CONNECTIONS, timed ? &soon : 0, 0, 8);
    if (ready == -EINTR) continue;
    silent = space && !fds[2].revents && !fds[3].revents;
    if (ready == 0) {
      if (!ended && head == 0 && input_at == input_end) {
        sys(SYS_madvise, buffer, BUFFER + INPUT, 4 /* MADV_DONTNEED */);
        idle = true;
      }
      continue;
    }
    if (fds[0].revents) take_signals();
    if (fds[2].revents || fds[3].revents || fds[4].revents) idle = false;
    if (fds[2].revents && !take_output(out_fd, 1)) {
      if (out_fd == master) master = -1;
      close_fd(&out_fd);
    }
    if (fds[3].revents && !take_output(err_fd, 2)) close_fd(&err_fd);
    if (ended && (fds[2].revents || fds[3].revents)) quiet_from = clock_ns(CLOCK_MONOTONIC);
    if (fds[4].revents) flush_input();
    if (fds[5].revents) serve_listener(fds[5].revents);
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
      struct connection *of = &connections[i];
      short events = fds[FIXED + i].revents;
      if (!events || fds[FIXED + i].fd < 0 || of->state == CLOSED) continue;
      idle = false;
      if (of->state != STREAMING) take_request(of);
      else if (events & (POLLERR | POLLNVAL)) drop(of);
      else {
        if ((events & (POLLIN | POLLHUP)) && of->input_open && input_at == input_end) take_input(of);
        else if ((events & POLLHUP) && !of->input_open) drop(of);
        if (of->state == STREAMING && (events & POLLOUT)) feed_client(of);
      }
    }
    if (fds[1].revents) take_connection();
  }
}

static int block_signals(void) {
  uint64_t all = ~0ull, child_only = 1ull << (SIGCHLD - 1);
  sys(SYS_rt_sigprocmask, 0, &all, 0, 8);
  int fd = (int)sys(SYS_signalfd4, -1, &child_only, 8, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) leave(1);
  return fd;
}

// ---------------------------------------------------------------- part 3: the init of a container that asked for one
// Executed from the same sealed memory as `tare-init -- COMMAND`: runs the command, passes signals on to it, reaps
// orphans, ends as the command does.
static bool begins(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}
static size_t length_of(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

// As execvp(3): a name without a slash is looked for in PATH. Returns the error.
static long execute(char **argv, char **envp) {
  const char *name = argv[0], *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const char *at = name; *at; at++)
    if (*at == '/') return sys(SYS_execve, name, argv, envp);
  for (char **entry = envp; *entry; entry++)
    if (begins(*entry, "PATH=")) path = *entry + 5;
  char candidate[4096];
  size_t bytes = length_of(name) + 1;
  long error = -ENOENT;
  for (;;) {
    const char *end = path;
    while (*end && *end != ':') end++;
    size_t n = (size_t)(end - path);
    if (n + bytes + 2 <= sizeof candidate) {
      memcpy(candidate, path, n);
      if (!n) candidate[n++] = '.';
      candidate[n] = '/';
      memcpy(candidate + n + 1, name, bytes);
      long result = sys(SYS_execve, candidate, argv, envp);
      if (result != -ENOENT && result != -ENOTDIR) error = result;
      if (error != -ENOENT && error != -EACCES) return error;
    }
    if (!*end) return error;
    path = end + 1;
  }
}

__attribute__((noreturn)) static void run_command(char **argv, char **envp, bool first) {
  if (!first) sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); // pid 1 takes its namespace along, another does not
  sys(SYS_setpgid, 0, 0);
  int group = (int)sys(SYS_getpid);
  sys(SYS_ioctl, 0, TIOCSPGRP, &group); // the terminal is the command's; an error where there is none
  uint64_t none = 0;
  sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, 0, 8);
  long error = execute(argv, envp);
  bool absent = error == -ENOENT || error == -ENOTDIR;
  const char *parts[] = {"tare-init: cannot execute ", argv[0],
                         absent ? ": no such file or directory\n" : error == -EACCES ? ": permission denied\n" : ": exec format error\n"};
  for (int i = 0; i < 3; i++) sys(SYS_write, 2, parts[i], length_of(parts[i]));
  leave(absent ? 127 : 126);
}

__attribute__((noreturn)) static void be_init(char **argv, char **envp) {
  uint64_t all = ~0ull;
  bool first = sys(SYS_getpid) == 1;
  sys(SYS_prctl, PR_SET_NAME, "tare-init", 0, 0, 0);
  if (!first) sys(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sys(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, 0, 8);
  long command = sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (command == 0) run_command(argv, envp, first);
  if (command < 0) leave(126);
  for (;;) {
    long signal = sys(SYS_rt_sigtimedwait, &all, 0, 0, 8);
    if (signal == SIGCHLD) {
      int status, end = -1;
      long pid;
      while ((pid = sys(SYS_wait4, -1, &status, 1 /* WNOHANG */, 0)) > 0)
        if (pid == command) end = status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
      if (end >= 0) leave(end);
    } else if (signal > 0) sys(SYS_kill, command, signal);
  }
}

__attribute__((noreturn, used)) static void begin(long *stack) {
  char **argv = (char **)(stack + 1);
  if (stack[0] > 2 && begins(argv[0], "tare-init")) be_init(argv + 2, argv + stack[0] + 1);
  uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + 10000000000ull;
  sys(SYS_setsid);
  sys(SYS_prctl, PR_SET_NAME, "tare-keeper", 0, 0, 0);
  sys(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  sys(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  struct pollfd asked = {LISTENING, POLLIN, 0};
  wait_for(&asked, 1, deadline);
  setup = (int)sys(SYS_accept4, LISTENING, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (setup < 0) leave(1);
  struct request request = {0, 0, 0, 0};
  receive(setup, &request, sizeof request, ~0ull); // it may have been made long before it is needed
  if (request.magic != REQUEST_MAGIC || request.operation != REQUEST_PLAN) leave(1);
  receive_plan(deadline = clock_ns(CLOCK_MONOTONIC) + 10000000000ull);
  if (plan.deadline_ms) deadline = clock_ns(CLOCK_MONOTONIC) + plan.deadline_ms * 1000000ull;
  int64_t failed = run_list(ops, plan.before_count);
  if (failed >= 0) {
    uint32_t *packet;
    size_t length = failure_packet(0, failed, &packet);
    answer(setup, ANSWER_FAILED, packet, (uint32_t)length);
    leave(1);
  }
  start_child();
  shed_descriptors();
  answer(setup, ANSWER_BORN, &child_pid, 4);
  buffer = map(0, BUFFER + INPUT);
  input = buffer + BUFFER;
  signals = block_signals();
  if ((plan.flags & PLAN_KEEP) && plan.log_dir_fd >= 0) open_log();
  if (!attend_setup(deadline)) leave(1);
  close_fd(&channel);
  running = true;
  report_running(setup);
  if (!(plan.flags & PLAN_KEEP)) leave(0);
  connections[0].fd = setup; // goes on as a watching one
  connections[0].state = WATCHING;
  for (int i = 1; i < MOST_CONNECTIONS; i++) // what was asked too early
    if (connections[i].state == ASKING && connections[i].asked == sizeof connections[i].request) serve(&connections[i]);
  sys(SYS_munmap, ops, ops_bytes ? ops_bytes : 1);
  sys(SYS_munmap, (char *)results - 16, 16 + 8 * MOST_RESULTS);
  sys(SYS_munmap, blob, blob_bytes ? blob_bytes : 1);
  reap(); // The process may have ended before the keeper received its signals.
  keep();
}

#if defined __x86_64__
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n");
#else
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n bl begin\n");
#endif
