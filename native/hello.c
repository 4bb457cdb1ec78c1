// The payload of the image `hello`: prints what a container can observe of its own isolation. With `--pause` it is the
// first process of a pod instead. Freestanding: raw system calls, no C library. Values that cannot be read are "not
// visible", never a failure.

typedef unsigned long word;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, SIGACTION = 13, SIGPROCMASK = 14, GETPID = 39, WAIT4 = 61, UNAME = 63,
       GETUID = 102, GETGID = 104, SIGTIMEDWAIT = 128, EXIT = 231, OPENAT = 257, READLINKAT = 267, CLOSE = 3 };

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return result;
}

__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, SIGACTION = 134, SIGPROCMASK = 135, GETPID = 172, WAIT4 = 260, UNAME = 160,
       GETUID = 174, GETGID = 176, SIGTIMEDWAIT = 137, EXIT = 94, OPENAT = 56, READLINKAT = 78, CLOSE = 57 };

static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}

__asm__(".globl _start\n_start: mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start\n");
#else
#error "x86_64 and arm64 only"
#endif

// The compiler may call these functions for loops and initializers.
void *memcpy(void *to, const void *from, word length) {
  for (word i = 0; i < length; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *to, int value, word length) {
  for (word i = 0; i < length; i++) ((volatile char *)to)[i] = (char)value;
  return to;
}

// ---- output: one buffer, written when full and at the end ----

static char output[4096];
static word used;

static void leave(int code) {
  for (;;) call(EXIT, code, 0, 0, 0);
}

static void flush(void) {
  word done = 0;
  while (done < used) {
    long wrote = call(WRITE, 1, (long)(output + done), (long)(used - done), 0);
    if (wrote == -4) continue; // EINTR
    if (wrote <= 0) leave(1);  // The reader has closed the pipe, or the disk is full.
    done += (word)wrote;
  }
  used = 0;
}

// The creator of the mount chose the names: no control character may reach the terminal.
static void put(char c) {
  if (used == sizeof output) flush();
  output[used++] = ((unsigned char)c < 32 && c != '\n') || c == 127 ? '?' : c;
}

static word print_up_to(const char *text, word most) {
  word i = 0;
  for (; text[i] && i < most; i++) put(text[i]);
  return i;
}

static word print(const char *text) { return print_up_to(text, ~0ul); }

static void spaces(word count) {
  while (count--) put(' ');
}

// Text in a column of this width, and at least one space after it.
static void column(const char *text, word width) {
  word length = print(text);
  spaces(length < width ? width - length : 1);
}

static const char *format(word number) {
  static char digits[24];
  char *at = digits + sizeof digits - 1;
  *at = 0;
  do *--at = (char)('0' + number % 10);
  while (number /= 10);
  return at;
}

static void heading(const char *text) {
  print("\n");
  print(text);
  print("\n");
}

static void row(const char *name) {
  print("  ");
  column(name, 20);
}

static const char not_visible[] = "not visible";

// ---- text ----

static word length_of(const char *text) {
  word length = 0;
  while (text[length]) length++;
  return length;
}

static int same(const char *one, const char *other) {
  while (*one && *one == *other) one++, other++;
  return *one == *other;
}

static int starts(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static word number_at(const char *text) {
  word number = 0;
  while (is_digit(*text)) number = number * 10 + (word)(*text++ - '0');
  return number;
}

// Whether `word_` is one of the comma-separated words of `list`.
static int lists(const char *list, const char *word_) {
  word length = length_of(word_);
  for (;;) {
    if (starts(list, word_) && (list[length] == ',' || !list[length])) return 1;
    while (*list && *list != ',') list++;
    if (!*list++) return 0;
  }
}

// Appends to a string of at most `size` bytes; 0 when it does not fit.
static int append(char *to, word size, const char *text) {
  word at = length_of(to), length = length_of(text);
  if (at + length >= size) return 0;
  memcpy(to + at, text, length + 1);
  return 1;
}

// Cuts the text at the next separator and moves past it.
static char *cut(char **rest, char separator) {
  char *start = *rest, *at = start;
  while (*at && *at != separator) at++;
  *rest = *at ? at + 1 : at;
  *at = 0;
  return start;
}

// ---- files ----

static long read_file(const char *path, char *to, word size) {
  long fd = call(OPENAT, -100, (long)path, 02000000, 0);
  if (fd < 0) return fd;
  word length = 0;
  long got = 1;
  while (length < size - 1) {
    got = call(READ, fd, (long)(to + length), (long)(size - 1 - length), 0);
    if (got == -4) continue;
    if (got <= 0) break;
    length += (word)got;
  }
  call(CLOSE, fd, 0, 0, 0);
  to[length] = 0;
  return got < 0 ? got : (long)length;
}

// A small file without its line end; empty and 0 when it cannot be read.
static int read_value(const char *path, char *to, word size) {
  long length = read_file(path, to, size);
  if (length < 0) length = 0;
  while (length > 0 && to[length - 1] == '\n') length--;
  to[length] = 0;
  return length > 0;
}

static char status[16384];

// The value of one line of /proc/self/status.
static const char *status_of(const char *name) {
  static char value[256];
  word length = length_of(name);
  for (const char *line = status; *line;) {
    if (starts(line, name) && line[length] == ':') {
      line += length + 1;
      while (*line == '\t' || *line == ' ') line++;
      word i = 0;
      while (line[i] && line[i] != '\n' && i < sizeof value - 1) value[i] = line[i], i++;
      value[i] = 0;
      return value;
    }
    while (*line && *line != '\n') line++;
    if (*line) line++;
  }
  return 0;
}

// ---- namespaces ----

// The clauses are those of src/linux/namespaces/namespaces.ts.
static const struct {
  const char *type, *file, *shared;
} namespaces[] = {
  {"mount", "mnt", "the host's mount table, and with it every file"},
  {"pid", "pid", "all processes of the host, to see and to signal"},
  {"network", "net", "interfaces, addresses, ports and firewall of the host"},
  {"ipc", "ipc", "System V IPC and POSIX message queues"},
  {"uts", "uts", "host name and domain name"},
  {"cgroup", "cgroup", "the view of the host's whole cgroup tree"},
  {"user", "user", "user ids: root here is root there"},
  {"time", "time", "the monotonic and boot-time clocks"},
};

static void show_namespaces(void) {
  heading("Namespaces            inode       without one of its own, a process shares with the host");
  for (word i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    char path[64] = "/proc/self/ns/", link[64];
    append(path, sizeof path, namespaces[i].file);
    long length = call(READLINKAT, -100, (long)path, (long)link, sizeof link - 1);
    row(namespaces[i].type);
    if (length <= 0) {
      column(not_visible, 12);
    } else {
      link[length] = 0;
      char *number = link;
      while (*number && *number != '[') number++;
      word inode = number_at(*number ? number + 1 : number);
      column(format(inode), 12);
      // The kernel's first namespaces have fixed numbers below those that it gives out.
      if (inode < 0xf0000000) print("(shared) ");
    }
    print(namespaces[i].shared);
    print("\n");
  }
}

// ---- identity ----

static void show_map(const char *name, const char *path) {
  char text[1024];
  row(name);
  if (!read_value(path, text, sizeof text)) {
    print(not_visible);
    print("\n");
    return;
  }
  char *rest = text;
  for (int first = 1; *rest; first = 0) {
    char *line = cut(&rest, '\n');
    word numbers[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
      while (*line == ' ') line++;
      numbers[i] = number_at(line);
      while (is_digit(*line)) line++;
    }
    if (!first) spaces(22);
    print(format(numbers[0]));
    print(" here is ");
    print(format(numbers[1]));
    print(" outside, for ");
    print(format(numbers[2]));
    print(numbers[2] == 1 ? " id\n" : " ids\n");
  }
}

static void show_identity(void) {
  heading("Identity");
  char names[6][65];
  row("host name");
  print(call(UNAME, (long)names, 0, 0, 0) == 0 ? names[1] : not_visible);
  print("\n");
  row("process id");
  print(format((word)call(GETPID, 0, 0, 0, 0)));
  print("\n");
  row("user and group");
  print(format((word)call(GETUID, 0, 0, 0, 0)));
  print(":");
  print(format((word)call(GETGID, 0, 0, 0, 0)));
  print("\n");
  show_map("uid map", "/proc/self/uid_map");
  show_map("gid map", "/proc/self/gid_map");
}

// ---- mounts ----

static char mount_table[1 << 20];

enum { MOUNTS = 2048 };

static struct mount {
  const char *root, *target, *options, *type, *super_options;
} mounts[MOUNTS];
static word mount_count;

static void read_mounts(void) {
  if (read_file("/proc/self/mountinfo", mount_table, sizeof mount_table) < 0) return;
  char *rest = mount_table;
  while (*rest && mount_count < MOUNTS) {
    char *line = cut(&rest, '\n');
    struct mount *mount = &mounts[mount_count];
    for (int i = 0; i < 3; i++) cut(&line, ' ');
    mount->root = cut(&line, ' ');
    mount->target = cut(&line, ' ');
    mount->options = cut(&line, ' ');
    while (*line && !same(cut(&line, ' '), "-")) {}
    mount->type = cut(&line, ' ');
    cut(&line, ' ');
    mount->super_options = line;
    if (*mount->type) mount_count++;
  }
}

// Each option, a long value cut short; `lowerdir` entries are counted instead.
static void print_options(const char *options) {
  word layers = 0;
  for (int first = 1; *options;) {
    word length = 0, value = 0;
    while (options[length] && options[length] != ',') {
      if (options[length] == '=' && !value) value = length + 1;
      length++;
    }
    if (starts(options, "lowerdir")) {
      layers++;
      for (word i = value; i < length; i++)
        if (options[i] == ':' && (i == 0 || options[i - 1] != '\\')) layers++;
    } else {
      if (!first) put(',');
      first = 0;
      if (value && length - value > 32) {
        print_up_to(options, value + 29);
        print("...");
      } else {
        print_up_to(options, length);
      }
    }
    options += length;
    if (*options) options++;
  }
  if (!layers) return;
  print(", ");
  print(format(layers));
  print(layers == 1 ? " layer" : " layers");
}

static void show_root(void) {
  heading("Root file system");
  const struct mount *root = 0;
  for (word i = 0; i < mount_count; i++)
    if (same(mounts[i].target, "/")) root = &mounts[i];
  row(root ? root->type : not_visible);
  if (root) {
    print_options(root->options);
    print("; ");
    print_options(root->super_options);
  }
  print("\n");
}

static void show_mounts(void) {
  heading("Mounts");
  if (!mount_count) {
    row(not_visible);
    print("\n");
  }
  for (word i = 0; i < mount_count; i++) {
    print("  ");
    column(lists(mounts[i].options, "ro") || lists(mounts[i].super_options, "ro") ? "ro" : "rw", 4);
    column(mounts[i].type, 10);
    print(mounts[i].target);
    print("\n");
  }
}

// ---- cgroups ----

static char memberships[8192];

// Our path in the hierarchy of a controller ("" for v2) from /proc/self/cgroup.
static int find_membership(const char *controller, char *to, word size) {
  char copy[sizeof memberships];
  memcpy(copy, memberships, sizeof copy);
  char *rest = copy;
  while (*rest) {
    char *line = cut(&rest, '\n');
    cut(&line, ':');
    char *controllers = cut(&line, ':');
    if (*controller ? !lists(controllers, controller) : *controllers) continue;
    *to = 0;
    return append(to, size, line);
  }
  return 0;
}

// A file of our own cgroup: the mount that shows the hierarchy, and our place below that mount's root.
static int read_limit(const char *controller, int version, const char *file, char *to, word size) {
  char path[4096], place[2048];
  const char *below = place;
  if (!find_membership(version == 1 ? controller : "", place, sizeof place)) return 0;
  if (starts(place, "/..")) return 0; // outside of our namespace
  for (word i = 0; i < mount_count; i++) {
    const struct mount *mount = &mounts[i];
    if (!same(mount->type, version == 1 ? "cgroup" : "cgroup2")) continue;
    if (version == 1 && !lists(mount->super_options, controller)) continue;
    if (starts(mount->root, "/..")) continue; // shows what is above our namespace
    if (!same(mount->root, "/")) below = starts(place, mount->root) ? place + length_of(mount->root) : "";
    *path = 0;
    return append(path, sizeof path, mount->target) && append(path, sizeof path, below) &&
      append(path, sizeof path, "/") && append(path, sizeof path, file) && read_value(path, to, size);
  }
  return 0;
}

// From the version that holds the controller; returns it, or 0.
static int read_either(const char *controller, const char *v1, const char *v2, char *to, word size) {
  if (read_limit(controller, 1, v1, to, size)) return 1;
  return read_limit(controller, 2, v2, to, size) ? 2 : 0;
}

static void print_bytes(const char *text) {
  word bytes = number_at(text);
  if (!is_digit(*text) || bytes >= 1ul << 62) {
    print("unlimited");
    return;
  }
  static const char *const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
  word unit = 0;
  while (bytes && bytes % 1024 == 0 && unit < 4) bytes /= 1024, unit++;
  print(format(bytes));
  print(units[unit]);
}

static void print_cpus(word quota, word period) {
  word hundredths = period ? quota * 100 / period : 0;
  print(format(hundredths / 100));
  put('.');
  put((char)('0' + hundredths / 10 % 10));
  put((char)('0' + hundredths % 10));
  print(" CPUs (");
  print(format(quota));
  print(" us in each ");
  print(format(period));
  print(" us)");
}

static void show_cpu_quota(void) {
  char quota[64], period[64];
  row("cpu time");
  if (read_limit("cpu", 1, "cpu.cfs_quota_us", quota, sizeof quota)) {
    if (*quota != '-' && read_limit("cpu", 1, "cpu.cfs_period_us", period, sizeof period))
      print_cpus(number_at(quota), number_at(period));
    else
      print("unlimited");
  } else if (read_limit("cpu", 2, "cpu.max", quota, sizeof quota)) {
    char *rest = quota;
    char *first = cut(&rest, ' ');
    if (is_digit(*first)) print_cpus(number_at(first), number_at(rest));
    else print("unlimited");
  } else {
    print(not_visible);
  }
  print("\n");
}

static void show_limits(void) {
  char value[256];
  heading("Limits of its cgroup");
  row("memory");
  if (read_either("memory", "memory.limit_in_bytes", "memory.max", value, sizeof value)) print_bytes(value);
  else print(not_visible);
  print("\n");
  int version = read_either("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", value, sizeof value);
  row(version == 2 ? "swap" : "memory and swap");
  if (version) print_bytes(value);
  else print(not_visible);
  print("\n");
  show_cpu_quota();
  version = read_either("cpu", "cpu.shares", "cpu.weight", value, sizeof value);
  row(version == 2 ? "cpu weight" : "cpu shares");
  print(version == 0 ? not_visible : value);
  print("\n");
  row("cpus");
  version = read_either("cpuset", "cpuset.cpus", "cpuset.cpus.effective", value, sizeof value);
  print(version == 0 ? not_visible : value);
  print("\n");
  row("processes");
  version = read_either("pids", "pids.max", "pids.max", value, sizeof value);
  print(version == 0 ? not_visible : same(value, "max") ? "unlimited" : value);
  print("\n");
}

// ---- privileges ----

static const char *const capabilities[] = {
  "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
  "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
  "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
  "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
  "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
  "checkpoint_restore",
};

static word hexadecimal(const char *text) {
  word number = 0;
  for (; *text; text++) {
    char c = *text;
    if (is_digit(c)) number = number * 16 + (word)(c - '0');
    else if (c >= 'a' && c <= 'f') number = number * 16 + (word)(c - 'a' + 10);
    else break;
  }
  return number;
}

static void print_capabilities(word set) {
  word column_ = 22;
  if (!set) print("none");
  for (word bit = 0; bit < 64; bit++) {
    if (!(set >> bit & 1)) continue;
    const char *name = bit < sizeof capabilities / sizeof *capabilities ? capabilities[bit] : format(bit);
    word length = length_of(name);
    if (column_ > 22 && column_ + 1 + length > 100) {
      print("\n");
      spaces(22);
      column_ = 22;
    } else if (column_ > 22) {
      put(' ');
      column_++;
    }
    print(name);
    column_ += length;
  }
}

static void show_privileges(void) {
  heading("Privileges");
  row("capabilities");
  const char *value = status_of("CapEff");
  word effective = value ? hexadecimal(value) : 0;
  if (value) print_capabilities(effective);
  else print(not_visible);
  print("\n");
  row("bounding set");
  value = status_of("CapBnd");
  if (!value) print(not_visible);
  else if (hexadecimal(value) == effective) print("the same");
  else print_capabilities(hexadecimal(value));
  print("\n");
  row("no new privileges");
  value = status_of("NoNewPrivs");
  print(!value ? not_visible : *value == '1' ? "yes" : "no");
  print("\n");
  row("seccomp");
  value = status_of("Seccomp");
  if (!value) {
    print(not_visible);
  } else if (*value == '2') {
    value = status_of("Seccomp_filters");
    print("filter mode");
    if (value) {
      print(", ");
      print(value);
      print(same(value, "1") ? " filter" : " filters");
    }
  } else {
    print(*value == '1' ? "strict mode" : "no filter: every system call is allowed");
  }
  print("\n");
}

// ---- the first process of a pod ----

// `--pause`: holds the namespaces of a pod and reaps orphaned processes until a signal ends it. Blocked signals stay
// pending even for the first process of a namespace, for which the kernel drops other signals.
static void hold_namespaces(void) {
  enum { BLOCK = 0, NO_HANG = 1, INTERRUPTED = -4, SIGNAL_INT = 2, SIGNAL_TERM = 15 };
  word all = ~0ul;
  call(SIGPROCMASK, BLOCK, (long)&all, 0, sizeof all);
  for (;;) {
    long signal = call(SIGTIMEDWAIT, (long)&all, 0, 0, sizeof all);
    if (signal == SIGNAL_INT || signal == SIGNAL_TERM) leave(0);
    if (signal < 0 && signal != INTERRUPTED) leave(1);
    while (call(WAIT4, -1, 0, NO_HANG, 0) > 0) {}
  }
}

// `stack` is what the kernel leaves there: the number of arguments, then each.
__attribute__((noreturn, used)) void start(const word *stack) {
  if (stack[0] > 1 && same((const char *)stack[2], "--pause")) hold_namespaces();
  // A reader that goes away is an error of write(2), not the end by a signal.
  word ignore[4] = {1, 0, 0, 0};
  call(SIGACTION, 13, (long)ignore, 0, 8);
  if (read_file("/proc/self/status", status, sizeof status) < 0) *status = 0;
  if (read_file("/proc/self/cgroup", memberships, sizeof memberships) < 0) *memberships = 0;
  read_mounts();
  print("Hello from inside a container. This is what a program in it sees of its own isolation.\n");
  show_namespaces();
  show_identity();
  show_limits();
  show_privileges();
  show_root();
  show_mounts();
  flush();
  leave(0);
  __builtin_unreachable();
}
