// The wire format between TypeScript (src/runtime/plan/) and the keeper: little-endian, no padding to guess.
#ifndef TARE_PLAN_H
#define TARE_PLAN_H
#include <stdint.h>

// ---- The plan: header, before list, child list, blob; sent once, after a REQUEST_PLAN ----
#define PLAN_MAGIC 0x4e4c5054u // "TPLN"
#define PLAN_VERSION 1u
#define PLAN_BLOB_ADDRESS 0x1000000000ull // free in every layout of x86_64 and arm64 (39-bit too)
#define PLAN_MOST_BYTES (4u << 20)
#define PLAN_NOWHERE 0xffffffffu
#define PLAN_MOST_KEPT 8

// Keep: hold stdio, log, record the exit. Without it the runner leaves when the program runs (OCI mode).
#define PLAN_KEEP 1u
#define PLAN_TERMINAL 2u       // output has no frames; the master is taken at TAKE_MASTER
#define PLAN_CLOSE_STDIN 4u    // end of a feeding client's input ends the process's input
#define PLAN_DIE_WITH_CALLER 8u // the set-up connection's end kills the process
#define PLAN_LOG_ROTATE 16u    // begin a new log file: the old one may be torn

struct plan_header {
  uint32_t magic, version;
  uint32_t total; // bytes of the whole plan
  uint32_t flags;
  uint32_t before_count, child_count, blob_size;
  uint32_t deadline_ms; // for all of the set-up
  uint64_t clone_flags;
  int32_t cgroup_fd;    // for CLONE_INTO_CGROUP, or -1
  int32_t log_dir_fd;   // or -1: no log
  int32_t exit_dir_fd;  // or -1: no exit record
  uint32_t log_files;
  uint64_t log_most_bytes;
  // Offsets in the blob of 32-bit descriptors that the before list made (pipe2), or PLAN_NOWHERE.
  uint32_t stdin_at, stdout_at, stderr_at; // the keeper's ends
  uint32_t policy_at;                       // the policy program of a listener's calls, in the blob, or PLAN_NOWHERE
  int32_t kept[PLAN_MOST_KEPT];            // descriptors to hold on to (root, its lock), -1 for none
  uint32_t policy_bytes;
  int32_t record_fd;                       // where the calls are recorded, or -1
  int32_t join_user, join_pid;             // namespaces that the child is cloned in, but not the keeper, or -1
};

// ---- The policy program returns SECCOMP_RET_ALLOW or SECCOMP_RET_ERRNO, and in the other bits: ----
#define POLICY_ERROR 0xfffu
#define POLICY_TEXT(verdict) ((verdict) >> 12 & 7) // 1 + which argument is a path to record, 0: none
#define POLICY_COARSE 0x8000u                      // calls of this number are recorded as one
// ---- The record of calls: RECORD_SLOTS unordered slots, unused ones zero; the first counts unrecorded calls ----
#define RECORD_SLOTS 512
#define RECORD_FINE 64 // so many that differ in more than their number
#define RECORD_TEXT 168
struct record_slot {
  uint64_t first, last; // ns since 1970
  uint32_t count;
  int32_t number;
  uint32_t architecture, verdict;
  int32_t pid; // on the host
  uint32_t coarse;
  uint64_t argument[6];
  char text[RECORD_TEXT]; // zeroes after its end
};

enum { ARGUMENT_VALUE, ARGUMENT_BLOB, ARGUMENT_RESULT, ARGUMENT_LOAD };
enum { EXPECT_SUCCESS, EXPECT_EQUAL, EXPECT_ANYTHING };
// The one op that is not a system call: −EPERM when the 32 bits at the first address are one of the numbers (32 bits
// each) at the second, 0 when they are not. The third argument is the count of numbers.
#define PLAN_CHECK_NOT_IN 0xffffu
#define PLAN_MOST_CHECKED 64

struct plan_op {
  uint16_t number;
  uint8_t kind[6];    // VALUE as it is; BLOB: its address; RESULT of an earlier op of this list; LOAD 32 bits from the blob
  int64_t argument[6];
  int64_t expected;   // for EXPECT_EQUAL
  uint32_t store;     // offset in the blob for the result, or PLAN_NOWHERE
  uint8_t store_bytes; // 4 or 8
  uint8_t expect;
  uint16_t skip;      // how many ops to skip when one of these errors comes
  uint16_t skip_error[4];
};

// ---- What the child writes to its channel, descriptor 3 or what the upper half of the flags says (a packet each; its end: the program runs) ----
#define PLAN_CHANNEL_AT(flags) ((flags) >> 16 ? (int)((flags) >> 16) : 3)
#define CHANNEL_FAILED 1u  // u32 kind, list, op; i32 result; then all results so far, 64 bits each
#define CHANNEL_BARRIER 2u // u32 kind, tag; i64 value; then it reads one byte
#define CHANNEL_NOTE 3u    // u32 kind, then bytes for the engine
// Barriers that the keeper answers itself:
#define TAKE_MASTER 0x80000001u // value: the pty master's number in the child
#define TAKE_LISTENER 0x80000002u

// ---- Requests on the keeper's socket: 16 bytes; and its answers: u32 length of payload, u32 kind, payload ----
#define REQUEST_MAGIC 0x51525454u // "TTRQ"
enum { REQUEST_PLAN = 1, REQUEST_GO, REQUEST_WATCH, REQUEST_ATTACH, REQUEST_RESIZE, REQUEST_CLOSE_STDIN };
struct request {
  uint32_t magic, operation, a, b;
};
#define ATTACH_STDIN 1u
#define ATTACH_STDOUT 2u
#define ATTACH_STDERR 4u
enum {
  ANSWER_FAILED = 1, // the CHANNEL_FAILED packet (list 0: before, 1: child)
  ANSWER_BARRIER,    // the CHANNEL_BARRIER packet; answer with REQUEST_GO
  ANSWER_NOTE,       // the CHANNEL_NOTE packet
  ANSWER_RUNNING,    // i32 pid, u32 flags, u64 monotonic ns, i32 kept descriptors[8], i32 the keeper's pid, i32 0
  ANSWER_EXIT,       // i32 pid, i32 wait status, u64 ms since 1970
  ANSWER_DONE,       // the request was carried out (after ATTACH the raw stream follows)
  ANSWER_REFUSED,    // i32 errno
  ANSWER_BORN,       // i32 pid: the child exists
  ANSWER_RECORDED,   // u32 slot: the record contains a new call (sent to monitoring clients)
};

// ---- The log: 16 bytes (magic, u64 sequence), then records: u32 length, u8 stream, u8 streams with an unfinished line
// before it (1, 2: bits), 2 zero, u64 ns since 1970, bytes. One begins at each block; < 17 bytes before a block are zero ----
#define LOG_MAGIC "TARELOG2" // "TARELOG1" of version 0.1: without blocks
#define LOG_BLOCK (256u << 10)
#endif
