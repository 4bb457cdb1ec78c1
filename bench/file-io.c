// What a file system costs from inside: `file-io FILE DIR TAR` prints lines `name value`, for bench/rows/storage.ts.
//
// FILE lies in the image and has at least 64 MiB, DIR is a directory to write into, TAR an archive in the image.
//   read-cold, read-warm  MB/s of FILE from start to end, after its pages were given back, and once more
//   read-random           MB/s of 4 KiB at 65536 offsets of FILE, from the cache
//   first-write           ms of opening FILE for writing and changing 4 KiB of it
//   write, write-random   MB/s into a new file of 256 MiB: from start to end, then 4 KiB at 16384 offsets; each with fsync
//   untar, find, delete   ms of tar -xf TAR, of find over the result, of rm -rf of it
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 20];

static void fail(const char *what) {
  fprintf(stderr, "file-io: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int open_file(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) fail(path);
  return fd;
}

static void rate(const char *name, double bytes, double begun) {
  printf("%s %.1f\n", name, bytes / 1e3 / (now() - begun));
}

static double read_all(int fd) {
  double sum = 0;
  ssize_t count;
  if (lseek(fd, 0, SEEK_SET) < 0) fail("seek");
  while ((count = read(fd, buffer, sizeof buffer)) > 0) sum += count;
  if (count < 0) fail("read");
  return sum;
}

// The offsets are the same in every run: the case compares file systems and excludes chance.
static uint64_t next_place(uint64_t *state, uint64_t blocks) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (*state >> 33) % blocks * 4096;
}

static void command(const char *name, char *const words[]) {
  double begun = now();
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, 1);
    execvp(words[0], words);
    _exit(127);
  }
  int status;
  if (waitpid(pid, &status, 0) < 0) fail("wait");
  if (status != 0) {
    fprintf(stderr, "file-io: %s: status %d\n", words[0], status);
    exit(1);
  }
  printf("%s %.1f\n", name, now() - begun);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: file-io FILE DIR TAR\n");
    return 2;
  }
  int fd = open_file(argv[1], O_RDONLY);
  struct stat status;
  if (fstat(fd, &status) < 0) fail(argv[1]);
  uint64_t blocks = status.st_size / 4096, state = 1;
  if (blocks < 16384) {
    fprintf(stderr, "file-io: %s is too small\n", argv[1]);
    return 2;
  }
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  double begun = now();
  double bytes = read_all(fd);
  rate("read-cold", bytes, begun);
  begun = now();
  bytes = read_all(fd);
  rate("read-warm", bytes, begun);
  begun = now();
  for (int at = 0; at < 65536; at++)
    if (pread(fd, buffer, 4096, next_place(&state, blocks)) != 4096) fail("read");
  rate("read-random", 65536.0 * 4096, begun);
  close(fd);

  char path[4096];
  snprintf(path, sizeof path, "%s/file-io-data", argv[2]);
  fd = open_file(path, O_RDWR | O_CREAT | O_EXCL);
  begun = now();
  for (int at = 0; at < 256; at++)
    if (write(fd, buffer, 1 << 20) != 1 << 20) fail("write");
  if (fsync(fd) < 0) fail("fsync");
  rate("write", 256.0 * (1 << 20), begun);
  begun = now();
  for (int at = 0; at < 16384; at++)
    if (pwrite(fd, buffer, 4096, next_place(&state, 65536)) != 4096) fail("write");
  if (fsync(fd) < 0) fail("fsync");
  rate("write-random", 16384.0 * 4096, begun);
  close(fd);
  unlink(path);

  snprintf(path, sizeof path, "%s/file-io-tree", argv[2]);
  if (mkdir(path, 0755) < 0) fail(path);
  command("untar", (char *[]){"tar", "-xf", argv[3], "-C", path, NULL});
  command("find", (char *[]){"find", path, "-type", "f", "-size", "+0", NULL});
  command("delete", (char *[]){"rm", "-rf", path, NULL});

  begun = now();
  fd = open_file(argv[1], O_WRONLY);
  if (pwrite(fd, buffer, 4096, 0) != 4096) fail("write");
  printf("first-write %.2f\n", now() - begun);
  close(fd);
  return 0;
}
