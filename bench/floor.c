// The limit: what the kernel alone takes to make a container, with no engine around it. It makes new namespaces, a
// root of its own (a detached overlay with a fresh upper layer), the usual mounts and devices, and executes a program.
// It has no cgroups, no seccomp, no capabilities, no log and no state, which an engine adds to it.
//
//   floor run COUNT DIR COMMAND...    COUNT times; prints "START TOTAL" in ms a line: until the program's first
//                                     instruction, and until its end was seen
//   floor exec COUNT PID COMMAND...   the same in the namespaces of a process
//   floor idle DIR COMMAND...         starts one, prints its pid, and kills it when standard input ends
//
// DIR/rootfs is the lower layer; the rest of DIR is the floor's. FLOOR_HOST_NETWORK=1 leaves the network namespace out.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// glibc's sys/mount.h and linux/mount.h exclude each other in some versions: these two calls are all we need of it.
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
enum { DETACH = 2 };

#define CHECK(call) checked((long)(call), #call)

static long checked(long result, const char *call) {
  if (result < 0) {
    fprintf(stderr, "floor: %s: %s\n", call, strerror(errno));
    _exit(99);
  }
  return result;
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int open_overlay(const char *directory) {
  char lower[4096], upper[4096], work[4096];
  snprintf(lower, sizeof lower, "%s/rootfs", directory);
  snprintf(upper, sizeof upper, "%s/upper", directory);
  snprintf(work, sizeof work, "%s/work", directory);
  CHECK(mkdir(upper, 0755));
  CHECK(mkdir(work, 0755));
  int context = (int)CHECK(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC));
  CHECK(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir", lower, 0));
  CHECK(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "upperdir", upper, 0));
  CHECK(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "workdir", work, 0));
  CHECK(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int root = (int)CHECK(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
  close(context);
  return root;
}

// Not timed: the next one begins with an empty upper layer again.
static void remove_upper(const char *directory) {
  const char *const names[] = {"upper/dev", "upper/proc", "upper/sys", "upper", "work/work", "work"};
  char path[4096];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]);
    if (rmdir(path) < 0 && errno != ENOENT) CHECK(-1);
  }
}

static void make_devices(void) {
  static const struct { const char *path; unsigned major, minor; } devices[] = {
      {"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7},
      {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    CHECK(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)));
  }
  CHECK(symlink("/proc/self/fd", "dev/fd"));
  CHECK(symlink("pts/ptmx", "dev/ptmx"));
}

static void become_container(const char *directory, int root, char **command) {
  enum { QUIET = 2 | 4 | 8 }; // nosuid, nodev, noexec
  char place[4096];
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL));
  CHECK(mount(NULL, "/", NULL, 1UL << 14 | 1UL << 18, NULL)); // recursive, private
  snprintf(place, sizeof place, "%s/mnt", directory);
  CHECK(syscall(SYS_move_mount, root, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH));
  CHECK(fchdir(root));
  CHECK(mount("proc", "proc", "proc", QUIET, NULL));
  CHECK(mount("tmpfs", "dev", "tmpfs", 2, "mode=755,size=64k"));
  CHECK(mkdir("dev/pts", 0755));
  CHECK(mkdir("dev/shm", 01777));
  CHECK(mkdir("dev/mqueue", 0755));
  CHECK(mount("devpts", "dev/pts", "devpts", 2 | 8, "newinstance,ptmxmode=0666,mode=0620"));
  CHECK(mount("shm", "dev/shm", "tmpfs", QUIET, "mode=1777,size=64m"));
  CHECK(mount("mqueue", "dev/mqueue", "mqueue", QUIET, NULL));
  CHECK(mount("sysfs", "sys", "sysfs", QUIET | 1, NULL));
  make_devices();
  CHECK(syscall(SYS_pivot_root, ".", "."));
  CHECK(umount2(".", DETACH));
  CHECK(chdir("/"));
  CHECK(sethostname("floor", 5));
  execvp(command[0], command);
  CHECK(-1);
}

static pid_t clone_child(uint64_t flags) {
  struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
  return (pid_t)CHECK(syscall(SYS_clone3, &arguments, sizeof arguments));
}

static pid_t start_container(const char *directory, char **command) {
  int root = open_overlay(directory);
  uint64_t network = getenv("FLOOR_HOST_NETWORK") == NULL ? CLONE_NEWNET : 0;
  pid_t pid = clone_child(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | network);
  if (pid == 0) become_container(directory, root, command);
  close(root);
  return pid;
}

static pid_t start_exec(int target, char **command) {
  pid_t pid = clone_child(0);
  if (pid == 0) {
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL));
    CHECK(setns(target, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET));
    execvp(command[0], command);
    CHECK(-1);
  }
  return pid;
}

static int wait_for(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The pipe closes when the program is executed: that is its first instruction.
static double await_first_instruction(int pipe_end) {
  char byte;
  CHECK(read(pipe_end, &byte, 1));
  close(pipe_end);
  return now_ms();
}

static int repeat(int count, const char *directory, int target, char **command) {
  for (int i = 0; i < count; i++) {
    int ends[2];
    double begun = now_ms();
    CHECK(pipe2(ends, O_CLOEXEC));
    pid_t pid = target < 0 ? start_container(directory, command) : start_exec(target, command);
    close(ends[1]);
    double started = await_first_instruction(ends[0]);
    int status = wait_for(pid);
    double ended = now_ms();
    if (status != 0) return status;
    printf("%.4f %.4f\n", started - begun, ended - begun);
    if (target < 0) remove_upper(directory);
  }
  return 0;
}

static int idle(const char *directory, char **command) {
  pid_t pid = start_container(directory, command);
  char byte;
  printf("%d\n", pid);
  fflush(stdout);
  while (read(0, &byte, 1) > 0) {}
  CHECK(kill(pid, SIGKILL));
  wait_for(pid);
  remove_upper(directory);
  return 0;
}

int main(int argc, char **argv) {
  setenv("PATH", "/usr/bin:/bin", 1); // the container's
  if (argc >= 5 && strcmp(argv[1], "run") == 0) return repeat(atoi(argv[2]), argv[3], -1, argv + 4);
  if (argc >= 4 && strcmp(argv[1], "idle") == 0) return idle(argv[2], argv + 3);
  if (argc >= 5 && strcmp(argv[1], "exec") == 0) {
    int target = (int)CHECK(syscall(SYS_pidfd_open, atoi(argv[3]), 0));
    CHECK(setns(target, CLONE_NEWPID));
    return repeat(atoi(argv[2]), NULL, target, argv + 4);
  }
  fprintf(stderr, "usage: floor run COUNT DIR COMMAND... | exec COUNT PID COMMAND... | idle DIR COMMAND...\n");
  return 2;
}
