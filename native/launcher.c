// The launcher: `tare` as it is typed. A run or an exec with plain flags, and commands that only ask or change the
// engine, are handed to the daemon by their words, and the standard streams are copied; no flag is understood here. All
// else, and whatever the daemon won't take so, is left to the main binary, which takes its place (execve): it has a
// JavaScript runtime to start, which is half of what a short run takes. Freestanding, as the keeper. The daemon's part is src/daemon/handlers/run-fast-path.ts,
// exec-fast-path.ts, container-logs.ts and command.ts.
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include "calls.h"

#ifndef TARE_BUILD_ID
#error "the build of the daemon that understands this launcher"
#endif

enum { HEAD = 512, MOST_REQUEST = 128 * 1024, MOST_CONFIG = 64 * 1024, ID = 64, PIECE = 64 * 1024 };

static char **arguments, **environment;

// ---------------------------------------------------------------- texts
static size_t length_of(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

static bool begins(const char *text, const char *with) {
  while (*with)
    if (*text++ != *with++) return false;
  return true;
}

static bool same(const char *a, const char *b) { return begins(a, b) && !a[length_of(b)]; }

static const char *variable(const char *name) {
  size_t n = length_of(name);
  for (char **one = environment; *one; one++)
    if (begins(*one, name) && (*one)[n] == '=') return *one + n + 1;
  return "";
}

// A text that is being assembled; `full` reports that the buffer is too small.
struct text {
  char *bytes;
  size_t used, size;
  bool full;
};

static void add_byte(struct text *to, char byte) {
  if (to->used < to->size) to->bytes[to->used++] = byte;
  else to->full = true;
}

static void add(struct text *to, const char *text) {
  while (*text) add_byte(to, *text++);
}

static void add_number(struct text *to, size_t number) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + number % 10);
  while (number /= 10);
  while (n) add_byte(to, digits[--n]);
}

// As JSON writes it. SPEC: RFC 8259 section 7.
static void add_quoted(struct text *to, const char *text) {
  add_byte(to, '"');
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 0x20) {
      add(to, "\\u00");
      add_byte(to, "01"[c >> 4]);
      add_byte(to, "0123456789abcdef"[c & 15]);
    } else {
      if (c == '"' || c == '\\') add_byte(to, '\\');
      add_byte(to, *text);
    }
  }
  add_byte(to, '"');
}

// ---------------------------------------------------------------- the main binary
static void complain(const char *text) { sys(SYS_write, 2, text, length_of(text)); }

// Takes our place. It lies where the two are built, or where they are installed.
__attribute__((noreturn)) static void be_whole(void) {
  static const char *const paths[] = {"/../tare", "/../lib/tare/tare"};
  static char path[4200];
  long n = sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, 4096);
  long result = n;
  if (n > 0) {
    while (n > 0 && path[n - 1] != '/') n--;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
      struct text text = {path, (size_t)(n > 0 ? n - 1 : 0), sizeof path - 1, false};
      add(&text, paths[i]);
      path[text.used] = 0;
      result = sys(SYS_execve, path, arguments, environment);
      if (result != -ENOENT) break;
    }
  }
  complain(result == -ENOENT && n > 0 ? "tare: cannot find the main binary: there is neither ../tare nor ../lib/tare/tare next to this program\n"
           : n <= 0                   ? "tare: cannot find the main binary: /proc is not mounted\n"
                                      : "tare: cannot execute the main binary next to this program\n");
  leave(n > 0 && result != -ENOENT ? 126 : 127);
}

// ---------------------------------------------------------------- what can be handed over
// The value of a flag before the command, in either way of writing; moves on to the next word. NULL: it is another flag.
static const char *value_of(const char *flag, char ***at) {
  const char *word = **at;
  if (same(word, flag) && (*at)[1]) {
    *at += 2;
    return (*at)[-1];
  }
  size_t n = length_of(flag);
  if (!begins(flag, "--") || !begins(word, flag) || word[n] != '=') return NULL;
  ++*at;
  return word + n + 1;
}

// What is asked for, for the path of the request.
static const char *operation = "command";

// The first words of commands that the daemon may run (src/cli/daemon-commands.ts).
static bool is_for_daemon(const char *word) {
  static const char *const first[] = {"container", "history", "image",   "images",  "inspect", "kill",
                                      "network",   "pause",   "port",    "ps",      "rename",  "restart", "rm",
                                      "rmi",       "start",   "stop",    "tag",     "top",     "unpause", "volume", "wait"};
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    if (same(word, first[i])) return true;
  return false;
}

// The words behind the command, and the path of the socket of the daemon that is meant (src/cli/global-flags.ts); NULL:
// not ours.
static char **find_words(struct text *socket) {
  const char *host = NULL, *run_root = NULL, *value;
  char **at = arguments + 1;
  while (*at && **at == '-') {
    if ((value = value_of("--run-root", &at))) run_root = value;
    else if ((value = value_of("--host", &at)) || (value = value_of("-H", &at))) host = value;
    else if (!value_of("--data-root", &at)) return NULL; // of a daemon that is to be started
  }
  char **name = *at && same(*at, "container") && at[1] ? at + 1 : at;
  if (!*name) return NULL;
  if (same(*name, "run") || same(*name, "exec") || same(*name, "logs")) {
    operation = *name;
    at = name + 1;
    if (!*at) return NULL;
  } else if (!is_for_daemon(*at) || *variable("TZ")) return NULL; // times are those of the daemon
  if (!host && !run_root) {
    host = variable("TARE_HOST");
    if (!*host) host = variable("DOCKER_HOST");
    if (!*host && *variable("DOCKER_CONTEXT")) return NULL;
    if (!*host) host = "unix:///run/tare/tare.sock";
  }
  if (host && !begins(host, "unix:///")) return NULL;
  add(socket, host ? host + 7 : run_root);
  if (!host) add(socket, "/tare.sock");
  return socket->bytes[0] == '/' && !socket->full ? at : NULL;
}

// Docker's client configuration may name proxies, which become variables of a container, formats, detach keys and a
// context (but ours: src/cli/docker/current-context.ts). The main binary reports an unreadable configuration.
static bool is_configured(void) {
  static const char *const keys[] = {"proxies", "detachKeys", "HttpHeaders", "Format\"", "currentContext"};
  size_t first = same(operation, "run") ? 0 : 1;
  static char bytes[MOST_CONFIG];
  static char path[4200];
  struct text text = {path, 0, sizeof path - 1, false};
  const char *directory = variable("DOCKER_CONFIG"), *home = variable("HOME");
  if (!*directory && !*home) return true;
  add(&text, *directory ? directory : home);
  add(&text, *directory ? "/config.json" : "/.docker/config.json");
  int fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd == -ENOENT) return false;
  if (fd < 0 || text.full) return true;
  long n = sys(SYS_read, fd, bytes, sizeof bytes - 1);
  sys(SYS_close, fd);
  if (n < 0 || n == sizeof bytes - 1) return true;
  for (long i = 0; i < n; i++)
    for (size_t k = first; k < sizeof keys / sizeof *keys && !begins(bytes + i, "currentContext\": \"tare\""); k++)
      if (begins(bytes + i, keys[k]) || bytes[i] == '\\') return true; // or escaped
  return false;
}

// ---------------------------------------------------------------- the connection
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char request[HEAD + MOST_REQUEST];

// < 0: an error. A place among the standard streams is none for it.
static int connect_daemon(void) {
  int fd = (int)sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  long result = fd > 2 ? sys(SYS_connect, fd, &address, sizeof address) : -EBADF;
  if (result >= 0) return fd;
  sys(SYS_close, fd);
  return (int)result;
}

static bool send_all(int fd, const char *bytes, size_t n) {
  while (n) {
    long sent = sys(SYS_sendto, fd, bytes, n, MSG_NOSIGNAL, 0, 0);
    if (sent == -EINTR) continue;
    if (sent < 0) return false;
    bytes += sent;
    n -= (size_t)sent;
  }
  return true;
}

static long receive(int fd, char *to, size_t size) {
  long n;
  do n = sys(SYS_read, fd, to, size);
  while (n == -EINTR);
  return n;
}

// ---------------------------------------------------------------- the run
static char id[ID + 1];
static bool wants_input; // standard input is copied, too
static bool answered;    // the daemon has taken the words

// Makes a request while the messages before it wait. Like the main binary, it does not report that a signal or a size
// cannot be passed on.
static void post(struct text *to) {
  add(to, " HTTP/1.1\r\nHost: tare\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  int fd = connect_daemon();
  if (fd < 0) return;
  struct timeval patience = {5, 0};
  sys(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (send_all(fd, to->bytes, to->used)) sys(SYS_read, fd, to->bytes, to->size); // carried out
  sys(SYS_close, fd);
}

static void pass_on(int signal) {
  char bytes[256];
  struct text text = {bytes, 0, sizeof bytes, false};
  add(&text, "POST /containers/");
  add(&text, id);
  add(&text, "/kill?signal=");
  add_number(&text, (size_t)signal);
  post(&text);
}

struct kernel_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};

#if defined __x86_64__
// KERNEL: x86_64 has no trampoline of its own for handlers' ends; sigreturn(2).
enum { RESTORER = 0x04000000 };
void give_back(void);
__asm__(".globl give_back\ngive_back:\n mov $15,%eax\n syscall\n");
#endif

static void handle(int signal, void (*handler)(int)) {
  struct kernel_action action = {.handler = handler, .flags = SA_RESTART, .mask = ~0ull};
#if defined __x86_64__
  action.flags |= RESTORER;
  action.restorer = give_back;
#endif
  sys(SYS_rt_sigaction, signal, &action, 0, 8);
}

// ---------------------------------------------------------------- the terminal
static char size_path[128]; // where the size of the program's terminal is set; "": it has none
static struct winsize size; // of ours, as the daemon knows it
static struct termios modes; // of ours, before it became raw
static bool is_raw;

static void restore(void) {
  if (is_raw) sys(SYS_ioctl, 0, TCSETS, &modes);
}

__attribute__((noreturn)) static void finish(int status) {
  restore();
  leave(status);
}

static void finish_by(int signal) { finish(128 + signal); }

static void adapt_size(int signal) {
  (void)signal;
  char bytes[256];
  struct text text = {bytes, 0, sizeof bytes, false};
  struct winsize now;
  if (sys(SYS_ioctl, 1, TIOCGWINSZ, &now) < 0 || (now.ws_row == size.ws_row && now.ws_col == size.ws_col)) return;
  size = now;
  add(&text, "POST ");
  add(&text, size_path);
  add(&text, "?h=");
  add_number(&text, size.ws_row);
  add(&text, "&w=");
  add_number(&text, size.ws_col);
  post(&text);
}

// Every key goes to the program as it is typed. SPEC: termios(3), cfmakeraw().
static void become_raw(void) {
  if (sys(SYS_ioctl, 0, TCGETS, &modes) < 0) return;
  struct termios keys = modes;
  keys.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  keys.c_oflag &= ~(tcflag_t)OPOST;
  keys.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  keys.c_cflag = (keys.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  is_raw = true;
  sys(SYS_ioctl, 0, TCSETS, &keys);
}

// The program's terminal makes signals of keys; ours are for us. A size that changed meanwhile is set now, by the
// handler, which nothing interrupts.
static void join_terminal(const char *path) {
  static const char ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  for (size_t n = 0; path[n] && path[n] != '"' && n < sizeof size_path - 1; n++) size_path[n] = path[n];
  for (size_t i = 0; i < sizeof ends; i++) handle(ends[i], finish_by);
  handle(SIGWINCH, adapt_size);
  sys(SYS_kill, sys(SYS_getpid), SIGWINCH);
}

static void pass_signals_on(void) {
  static const char passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};
  // A reader in the background is stopped as the shell expects, and not asked again and again.
  for (size_t i = 0; i < sizeof passed; i++)
    if (passed[i] != SIGTTIN || !wants_input) handle(passed[i], pass_on);
}

// The reader has closed the pipe: on the output, SIGPIPE ends this process, as a shell expects.
static void print(int fd, const char *bytes, size_t n) {
  static bool broken[3];
  while (n && !broken[fd]) {
    long wrote = sys(SYS_write, fd, bytes, n);
    if (wrote == -EAGAIN) {
      struct pollfd writable = {fd, POLLOUT, 0};
      sys(SYS_ppoll, &writable, 1, 0, 0, 8);
    } else if (wrote >= 0) {
      bytes += wrote;
      n -= (size_t)wrote;
    } else if (wrote != -EINTR) {
      if (fd == 1) finish(141);
      broken[fd] = true;
    }
  }
}

__attribute__((noreturn)) static void lose(void) {
  char bytes[256];
  struct text text = {bytes, 0, sizeof bytes - 1, false};
  bool runs = same(operation, "run");
  if (!id[0] && (runs || !answered)) add(&text, "tare: cannot ask the daemon: it closed the connection without a reply\n");
  else if (!id[0]) add(&text, "tare: cannot read the daemon's reply: the connection closed before its end\n");
  else {
    id[12] = 0;
    add(&text, "tare: cannot follow container ");
    add(&text, id);
    add(&text, " any longer: the connection to the daemon is lost; the container keeps running\n");
  }
  restore();
  print(2, text.bytes, text.used);
  leave(runs ? 125 : 1);
}

// The value of a member of the event, an object as JSON.stringify() writes it; NULL: it has no such member. Members may
// have any order; those of inner objects do not count.
static const char *member(const char *event, const char *name) {
  size_t n = length_of(name);
  int depth = 0;
  for (const char *at = event; *at; at++) {
    if (*at == '{' || *at == '[') depth++;
    else if (*at == '}' || *at == ']') depth--;
    else if (*at == '"') {
      const char *text = ++at;
      while (*at && *at != '"') at += *at == '\\' && at[1] ? 2 : 1;
      if (!*at) return NULL;
      if (depth == 1 && at[1] == ':' && (size_t)(at - text) == n && begins(text, name)) return at + 2;
    }
  }
  return NULL;
}

// An event of src/api/http/run-stream.ts: the creation, the wish for input, the start or the end.
static void take_event(const char *event) {
  const char *created = member(event, "Id"), *ended = member(event, "ExitStatus"), *path = member(event, "Resize");
  if (created && length_of(created) > ID) memcpy(id, created + 1, ID);
  if (path) join_terminal(path + 1);
  if (member(event, "Input")) {
    wants_input = true;
    if (path) become_raw();
  }
  if (member(event, "Timing")) pass_signals_on();
  if (ended) {
    int status = 0;
    for (; *ended >= '0' && *ended <= '9'; ended++) status = status * 10 + (*ended - '0');
    finish(status);
  }
}

// Takes frames apart (src/api/http/stream-frames.ts), in pieces of any size. Of an event the beginning is enough.
static void take(const char *bytes, size_t n) {
  static unsigned char header[8];
  static size_t filled, left, event_bytes;
  static char event[1024];
  while (n) {
    if (filled < sizeof header) {
      header[filled++] = (unsigned char)*bytes++;
      n--;
      if (filled < sizeof header) continue;
      left = (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
      event_bytes = 0;
      if (header[0] < 1 || header[0] > 4) lose();
    }
    size_t part = n < left ? n : left;
    if (header[0] != 4) print(header[0] == 1 ? 1 : 2, bytes, part);
    else
      for (size_t i = 0; i < part && event_bytes < sizeof event - 1; i++) event[event_bytes++] = bytes[i];
    bytes += part;
    n -= part;
    left -= part;
    if (left) continue;
    filled = 0;
    event[event_bytes] = 0;
    if (header[0] == 4) take_event(event);
  }
}

// Copies both ways until the daemon has sent the end. Input that the daemon does not take yet waits here, and no more of
// it is read; output goes on meanwhile.
__attribute__((noreturn)) static void follow(int daemon) {
  static char piece[PIECE], input[PIECE];
  size_t sent = 0, got = 0;
  bool open = true;
  for (;;) {
    bool waits = sent < got, reads = wants_input && open && !waits;
    struct pollfd ends[2] = {{daemon, (short)(POLLIN | (waits ? POLLOUT : 0)), 0}, {reads ? 0 : -1, POLLIN, 0}};
    // Without input there is nothing to wait for but the daemon.
    if ((waits || reads) && sys(SYS_ppoll, ends, 2, 0, 0, 8) < 0) continue; // a signal
    if (waits || reads) {
      if (waits && ends[0].revents & POLLOUT) {
        long n = sys(SYS_sendto, daemon, input + sent, got - sent, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
        if (n > 0) sent += (size_t)n;
        else if (n != -EAGAIN && n != -EINTR) open = false, sent = got; // the program has closed its input
      }
      if (reads && ends[1].revents) {
        long n = sys(SYS_read, 0, input, sizeof input);
        if (n > 0) sent = 0, got = (size_t)n;
        else if (n != -EAGAIN && n != -EINTR) {
          open = false;
          sys(SYS_shutdown, daemon, SHUT_WR);
        }
      }
      if (!(ends[0].revents & (POLLIN | POLLHUP | POLLERR))) continue;
    }
    long n = receive(daemon, piece, sizeof piece);
    if (n <= 0) lose();
    take(piece, (size_t)n);
  }
}

__attribute__((noreturn, used)) static void begin(long *stack) {
  static char piece[PIECE];
  arguments = (char **)(stack + 1);
  environment = arguments + stack[0] + 1;
  struct text path = {address.sun_path, 0, sizeof address.sun_path - 1, false};
  char **words = find_words(&path);
  if (!words || is_configured()) be_whole();
  struct text body = {request + HEAD, 0, MOST_REQUEST, false};
  add(&body, "{\"Build\":\"" TARE_BUILD_ID "\",\"Words\":[");
  for (char **word = words; *word; word++) {
    if (word != words) add_byte(&body, ',');
    add_quoted(&body, *word);
  }
  bool is_shown = sys(SYS_ioctl, 1, TIOCGWINSZ, &size) >= 0;
  add(&body, "],\"Columns\":");
  add_number(&body, is_shown && !size.ws_col ? 80 : size.ws_col);
  add(&body, ",\"Rows\":");
  add_number(&body, size.ws_row);
  add(&body, sys(SYS_ioctl, 0, TCGETS, &modes) >= 0 ? ",\"Typed\":true}" : "}");
  char bytes[HEAD];
  struct text head = {bytes, 0, sizeof bytes, false};
  add(&head, "POST /tare/");
  add(&head, operation);
  add(&head, " HTTP/1.1\r\nHost: tare\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ");
  add_number(&head, body.used);
  add(&head, "\r\n\r\n");
  char *first = body.bytes - head.used;
  memcpy(first, head.bytes, head.used);
  int daemon = body.full ? -1 : connect_daemon();
  if (daemon < 0 || !send_all(daemon, first, head.used + body.used)) be_whole();
  size_t used = 0, after = 0; // the reply's head, which is never long
  while (!after && used < sizeof piece) {
    long n = receive(daemon, piece + used, sizeof piece - used);
    if (n < 0 && !used) be_whole(); // it was not read: src/client/http/connection-pool.ts
    if (n <= 0) lose();
    used += (size_t)n;
    for (size_t i = 3; i < used && !after; i++)
      if (piece[i] == '\n' && piece[i - 1] == '\r' && piece[i - 2] == '\n' && piece[i - 3] == '\r') after = i + 1;
  }
  if (!begins(piece, "HTTP/1.1 101 ")) {
    sys(SYS_close, daemon);
    be_whole();
  }
  answered = true;
  handle(SIGPIPE, SIG_IGN);
  take(piece + after, used - after);
  follow(daemon);
}

#if defined __x86_64__
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n");
#else
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n bl begin\n");
#endif
