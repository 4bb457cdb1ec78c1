import { defined } from "../../../src/base/defined.ts";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { capabilityNames } from "../../../src/linux/process/capability.ts";
import { compileSeccomp, defaultSeccompProfile } from "../../../src/linux/seccomp/seccomp.ts";
import { compileTracedSeccomp, type TracedSeccomp } from "../../../src/linux/seccomp/watch.ts";
import { barrierCalls } from "../../../src/runtime/plan/process.ts";
import { readSeccompProfile } from "../../../src/spec/seccomp.ts";
import type { PlanOp } from "../../../src/runtime/plan/plan.ts";
import { type Changes, container, exec, fileSystem, positionOf, positionsOf } from "./plans.ts";

// prctl(2)
const PDEATHSIG = 1;
const DUMPABLE = 4;
const KEEPCAPS = 8;
const CAPBSET_DROP = 24;
const NO_NEW_PRIVS = 38;
// openat2(2)
const NO_MAGICLINKS = 2;
const NO_SYMLINKS = 4;
const IN_ROOT = 16;

const seccomp = {
  program: compileSeccomp("default", {
    capabilities: new Set(),
    architecture: "x86_64",
    kernel: "6.1.0",
  }),
  flags: 2,
};
const resolveOf = (op: PlanOp): number => Number(Buffer.from(op.args[2] as Uint8Array).readBigUInt64LE(16));

describe.each([
  ["planContainer()", container],
  ["planExec()", exec],
] as const)("%s", (_name, make) => {
  const child = (changes: Changes = {}) => make(changes).child;

  test("hides from ptrace before anything else", () => {
    const { ops } = child();
    const first = ops.find(({ call }) => call !== "clock_gettime" && call !== "dup3");
    expect([first?.call, first?.args.slice(0, 2)]).toEqual(["prctl", [DUMPABLE, 0]]);
  });

  test("closes the engine's descriptors once, before rights are given up, a filter is loaded, the engine is awaited", () => {
    for (const noNewPrivileges of [false, true]) {
      const list = child({ process: { noNewPrivileges }, planned: { seccomp, announce: true } });
      const close = positionOf(list, "close_range");
      expect(list.ops[close]?.args).toEqual([4, 0xffffffff, 0]);
      for (const call of ["capset", "setgroups", "setresuid", "seccomp"] as const)
        expect(positionOf(list, call)).toBeGreaterThan(close);
      expect(Math.max(...positionsOf(list, "read", 3))).toBeGreaterThan(close);
    }
  });

  test("uses no descriptor but the channel after it has closed the engine's", () => {
    const list = child({ process: { noNewPrivileges: true }, planned: { seccomp, announce: true } });
    const rest = list.ops.slice(positionOf(list, "close_range") + 1);
    const harmless = [
      "prctl setgroups setresgid setresuid capset umask seccomp execve clock_gettime write read",
    ].flatMap((names) => names.split(" "));
    expect([...new Set(rest.map(({ call }) => call))].filter((call) => !harmless.includes(call))).toEqual([]);
    for (const op of rest) {
      if (op.call === "write" || op.call === "read") expect(op.args[0]).toBe(3);
      expect(
        op.args.some(
          (each) => typeof each === "object" && each !== null && ("result" in each || "load" in each),
        ),
      ).toBe(false);
    }
  });

  test("always sets the groups: the engine's own go to nobody", () => {
    const none = child();
    expect(none.ops[positionOf(none, "setgroups")]?.args).toEqual([0, null]);
    const some = child({ process: { user: { uid: 7, gid: 8, additionalGids: [9, 0xfffffffe] } } });
    const [count, groups] = some.ops[positionOf(some, "setgroups")]?.args ?? [];
    expect(count).toBe(2);
    expect([...new Uint32Array(new Uint8Array(groups as Uint8Array).buffer)]).toEqual([9, 0xfffffffe]);
  });

  test("changes groups, then ids, then capabilities", () => {
    const list = child({ process: { user: { uid: 1000, gid: 1001 } } });
    const places = [
      positionOf(list, "prctl", KEEPCAPS, 1),
      positionOf(list, "setgroups"),
      positionOf(list, "setresgid", 1001, 1001, 1001),
      positionOf(list, "setresuid", 1000, 1000, 1000),
      positionOf(list, "capset"),
    ];
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(positionsOf(child(), "prctl", KEEPCAPS)).toEqual([]);
  });

  test("gives an empty inheritable set, and drops from the bounding set all that was not asked for", () => {
    const bounding = ["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"];
    const list = child({
      process: {
        capabilities: { bounding, effective: bounding, permitted: bounding, inheritable: bounding },
      },
      planned: { available: new Set(["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_KILL"]) },
    });
    const data = Buffer.from(list.ops[positionOf(list, "capset")]?.args[1] as Uint8Array);
    expect([data.readUInt32LE(0), data.readUInt32LE(4), data.readUInt32LE(8)]).toEqual([0x1001, 0x1001, 0]);
    expect([data.readUInt32LE(12), data.readUInt32LE(16), data.readUInt32LE(20)]).toEqual([0, 0, 0]);
    const dropped = positionsOf(list, "prctl", CAPBSET_DROP).map((i) => list.ops[i]?.args[1]);
    expect(dropped).toEqual(
      capabilityNames.flatMap((_, number) => ([0, 12].includes(number) ? [] : [number])),
    );
  });

  test("without any capability drops all", () => {
    const list = child({ process: { capabilities: {} } });
    expect(positionsOf(list, "prctl", CAPBSET_DROP).length).toBe(capabilityNames.length);
    expect(Buffer.from(list.ops[positionOf(list, "capset")]?.args[1] as Uint8Array)).toEqual(
      Buffer.alloc(24),
    );
  });

  test("dies with the keeper: said after the last change of rights", () => {
    const list = child({
      process: { user: { uid: 1, gid: 1 }, noNewPrivileges: true },
      planned: { seccomp },
    });
    const at = positionOf(list, "prctl", PDEATHSIG, 9);
    for (const call of ["setgroups", "setresgid", "setresuid", "capset"] as const)
      expect(positionOf(list, call)).toBeLessThan(at);
    // And found out before the program runs: a write to a keeper that is gone fails.
    expect(Math.max(...positionsOf(list, "write", 3))).toBeGreaterThan(at);
  });

  test("loads the filter while it has the right to, or after no-new-privileges", () => {
    const early = child({ planned: { seccomp } });
    expect(positionOf(early, "seccomp")).toBeLessThan(positionOf(early, "setgroups"));
    expect(positionsOf(early, "prctl", NO_NEW_PRIVS)).toEqual([]);
    const late = child({ planned: { seccomp }, process: { noNewPrivileges: true } });
    expect(positionOf(late, "seccomp")).toBeGreaterThan(positionOf(late, "prctl", PDEATHSIG));
    expect(positionOf(late, "seccomp")).toBeGreaterThan(positionOf(late, "prctl", NO_NEW_PRIVS, 1));
    expect(positionOf(late, "seccomp")).toBeLessThan(Math.min(...positionsOf(late, "execve")));
    expect(positionsOf(child(), "seccomp")).toEqual([]);
  });

  test("gives a filter's listener to the keeper before the next call, and keeps no copy", () => {
    const { filter, flags, ...traced } = compileTracedSeccomp(defaultSeccompProfile, {
      capabilities: new Set(),
      architecture: "x86_64",
      kernel: "6.1.0",
      watch: { denials: true, calls: true },
      untraced: barrierCalls(3),
    }) as TracedSeccomp;
    for (const noNewPrivileges of [false, true]) {
      const list = child({
        process: { noNewPrivileges },
        planned: { seccomp: { program: filter, flags, traced } },
      });
      const at = positionOf(list, "seccomp");
      const [load, tell, wait, close] = list.ops.slice(at, at + 4) as [PlanOp, PlanOp, PlanOp, PlanOp];
      const report = (tell.args[1] as { addressOf: { offset: number } }).addressOf.offset;
      expect([tell.call, tell.args[0], wait.call, wait.args[0]]).toEqual(["write", 3, "read", 3]);
      expect(load.store).toEqual({ offset: report + 8, bytes: 8 });
      expect([close.call, close.args]).toEqual(["close", [{ result: at }]]);
    }
  });

  test("passes the profile's flags and its program", () => {
    const { child: list, blob } = make({ planned: { seccomp } });
    const [mode, flags, head] = list.ops[positionOf(list, "seccomp")]?.args ?? [];
    expect([mode, flags]).toEqual([1, 2]);
    const program = Buffer.from(head as Uint8Array);
    expect(program.readUInt16LE(0)).toBe(seccomp.program.length / 8);
    const at = Number(program.readBigUInt64LE(8) - 0x10_0000_0000n);
    expect(Buffer.from(blob.encode()).subarray(at, at + seccomp.program.length)).toEqual(
      Buffer.from(seccomp.program),
    );
  });

  test.each(["execve", "capset", "setresuid", "prctl", "write"])(
    "refuses a profile without %s by its name",
    (name) => {
      const profile = readSeccompProfile({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: [name], action: "SCMP_ACT_KILL_PROCESS" }],
      });
      const program = compileSeccomp(profile, {
        capabilities: new Set(),
        architecture: process.arch === "arm64" ? "arm64" : "x86_64",
        kernel: "6.1.0",
      });
      expect(() => child({ planned: { seccomp: { program, flags: 0 } } })).toThrow(`it denies "${name}"`);
    },
  );

  test("tries a name in each directory of the process's own PATH, a path as it is", () => {
    const names = (changes: Changes["process"]): unknown[] => {
      const list = child({ process: changes ?? {} });
      return positionsOf(list, "execve").map((i) => list.ops[i]?.args[0]);
    };
    expect(names({ env: ["PATH=/a:/b::c", "X=1"], args: ["x"] })).toEqual(["/a/x", "/b/x", "./x", "c/x"]);
    expect(names({ env: ["PATH=/a", "PATH=/b"], args: ["x"] })).toEqual(["/b/x"]);
    expect(names({ env: [], args: ["x"] })).toEqual(
      ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(
        (path) => `${path}/x`,
      ),
    );
    expect(names({ args: ["./x"] })).toEqual(["./x"]);
    expect(names({ args: ["/x y"] })).toEqual(["/x y"]);
    const list = child();
    const places = positionsOf(list, "execve");
    expect(places.at(-1)).toBe(list.ops.length - 1);
    expect(places.map((i) => list.ops[i]?.skip?.errors)).toEqual([[2, 20, 13], undefined]);
  });

  test.each([[[]], [[""]]])("refuses the command %j", (args) => {
    expect(() => child({ process: { args } })).toThrow("no command was given");
  });

  test("stops before the program only when the engine asked for it", () => {
    expect(positionsOf(child(), "read", 3)).toEqual([]);
    const announced = child({ planned: { announce: true } });
    const barrier = positionOf(announced, "read", 3);
    expect(announced.ops[barrier]?.expect).toBe(1);
    expect(announced.ops[barrier - 1]).toMatchObject({ call: "write", expect: 16 });
  });

  test("gives the standard streams to the user", () => {
    const owners = (changes: Changes & { input?: object; exec?: object }): unknown[] => {
      const list = make(changes as never).child;
      return positionsOf(list, "fchown").map((i) => list.ops[i]?.args);
    };
    const user = { user: { uid: 1000, gid: 5 } };
    // Descriptor 0 is the host's /dev/null then: not ours to give away.
    expect(owners({ process: user })).toEqual([
      [1, 1000, -1],
      [2, 1000, -1],
    ]);
    expect(owners({ process: user, input: { openStdin: true }, exec: { openStdin: true } })).toEqual([
      [0, 1000, -1],
      [1, 1000, -1],
      [2, 1000, -1],
    ]);
  });

  test("opens the terminal's slave through the master, and keeps the master for nobody", () => {
    const list = child({ process: { terminal: true, consoleSize: { height: 24, width: 80 } } });
    const master = positionsOf(list, "openat2").find(
      (i) => list.ops[i]?.args[1] === "dev/pts/ptmx",
    ) as number;
    expect(resolveOf(list.ops[master] as PlanOp) & (IN_ROOT | NO_SYMLINKS)).toBe(IN_ROOT | NO_SYMLINKS);
    const peer = list.ops.findIndex((op) => op.call === "ioctl" && op.args[1] === 0x5441);
    expect(list.ops[peer]?.args[0]).toEqual({ result: master });
    expect(
      list.ops.some(
        ({ call, args }) => call === "close" && (args[0] as { result?: number }).result === master,
      ),
    ).toBe(true);
    const size = list.ops.find((op) => op.call === "ioctl" && op.args[1] === 0x5414)?.args[2] as Uint8Array;
    expect([...new Uint16Array(new Uint8Array(size).buffer)]).toEqual([24, 80, 0, 0]);
  });

  test("has only jumps that stay in the list, and results of earlier calls, whatever is asked", () => {
    const path = fc.constantFrom("/", "/a", "/a/b/c", "/proc/x", "relative", "/../up", "//x//");
    const changes = fc.record({
      process: fc.record({
        terminal: fc.boolean(),
        cwd: path,
        noNewPrivileges: fc.boolean(),
        user: fc.record({ uid: fc.nat(70_000), gid: fc.nat(70_000) }),
        oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
      }),
      linux: fc.record({ maskedPaths: fc.array(path), readonlyPaths: fc.array(path) }),
      planned: fc.record({ announce: fc.boolean() }),
      input: fc.record({
        openStdin: fc.boolean(),
        mounts: fc.array(
          fc.oneof(
            path.map((destination) => fileSystem(destination, "tmpfs")),
            fc.tuple(path, fc.boolean()).map(([destination, directory]) => ({
              kind: "tree" as const,
              destination,
              fd: 9,
              directory,
            })),
            path.map((destination) => ({ kind: "link" as const, destination, target: "x" })),
          ),
        ),
      }),
    });
    fc.assert(
      fc.property(changes, (given) => {
        const { before, child: list } = make(given);
        for (const { ops } of [before, list]) {
          ops.forEach((op, i) => {
            expect(op.skip?.count ?? 0).toBeLessThanOrEqual(ops.length - i - 1);
            expect(op.skip?.errors.length ?? 0).toBeLessThanOrEqual(4);
            for (const argument of op.args) {
              if (typeof argument === "object" && argument !== null && "result" in argument)
                expect(argument.result).toBeLessThan(i);
            }
          });
        }
        expect(list.ops.at(-1)?.call).toBe("execve");
        expect(positionsOf(list, "close_range").length).toBe(1);
      }),
      { numRuns: 100 },
    );
  });
});

describe("planContainer()", () => {
  test("makes the cgroup namespace itself, after it has joined everywhere, never by the clone", () => {
    const { child, cloneFlags } = container();
    const unshare = positionOf(child, "unshare", 0x2000000);
    for (const tasks of [5, 6, 7]) expect(positionOf(child, "write", tasks, "0")).toBeLessThan(unshare);
    expect(cloneFlags & 0x2000000).toBe(0);
    expect(cloneFlags).toBe(0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000);
    const shared = container({ linux: { namespaces: [{ type: "mount" }] } });
    expect(positionsOf(shared.child, "unshare")).toEqual([]);
    expect(shared.cloneFlags).toBe(0x20000);
  });

  test("joins the namespaces of others: pid before the clone, the rest in the child; makes none of them", () => {
    const joinNamespaces = new Map([
      ["pid", 20],
      ["network", 21],
      ["ipc", 22],
    ] as const);
    const { before, child, cloneFlags } = container({ input: { joinNamespaces } });
    expect(positionsOf(before, "setns", 20, 0x20000000)).toEqual([0]);
    expect(positionsOf(child, "setns").map((i) => child.ops[i]?.args)).toEqual([
      [21, 0x40000000],
      [22, 0x8000000],
    ]);
    expect(cloneFlags).toBe(0x20000 | 0x4000000);
    // A network of someone else has its loopback as they want it.
    expect(positionsOf(child, "socket")).toEqual([]);
  });

  test("makes mounts private before anything is attached, and leaves the host's tree for good", () => {
    const { child } = container();
    const isolate = positionOf(child, "mount", null, "/", null, 0x44000);
    expect(Math.min(...positionsOf(child, "move_mount"))).toBeGreaterThan(isolate);
    const pivot = positionOf(child, "pivot_root", ".", ".");
    expect(positionOf(child, "umount2", ".", 2)).toBe(pivot + 1);
    expect(child.ops[pivot + 2]).toMatchObject({ call: "chdir", args: ["/"] });
    // All other attachments happen inside.
    expect(positionsOf(child, "move_mount").filter((i) => i < pivot).length).toBe(1);
  });

  test("opens every path inside of the root, without magic links, the three own places without any link", () => {
    const { child } = container({
      process: { cwd: "/some/where" },
      linux: { maskedPaths: ["/proc/kcore", "/etc/secret"], readonlyPaths: ["/proc/sys"] },
      input: {
        mounts: ["/proc", "/sys/", "/./dev", "/x/../dev", "/proc/x", "/data"].map((path) =>
          fileSystem(path, "tmpfs"),
        ),
      },
    });
    const opens = positionsOf(child, "openat2").map((i) => child.ops[i] as PlanOp);
    expect(opens.length).toBeGreaterThan(10);
    for (const op of opens) expect(resolveOf(op) & (IN_ROOT | NO_MAGICLINKS)).toBe(IN_ROOT | NO_MAGICLINKS);
    const strict = (about: string): boolean[] => [
      ...new Set(opens.filter((op) => op.about === about).map((op) => (resolveOf(op) & NO_SYMLINKS) !== 0)),
    ];
    for (const place of ["/proc", "/sys/", "/./dev", "/x/../dev"])
      expect(strict(`mount at "${place}"`)).toEqual([true]);
    expect(strict('mount at "/data"')).toEqual([true, false]);
    // Whatever is opened by a name in another way is not followed.
    for (const i of positionsOf(child, "openat")) {
      const op = child.ops[i] as PlanOp;
      // The host's own device, before its tree is left.
      expect([op.args[0], op.args[1], i < positionOf(child, "pivot_root")]).toEqual([
        -100,
        "/dev/null",
        true,
      ]);
    }
  });

  test("attaches mounts in their order, links and seals included", () => {
    const { child } = container({
      input: {
        mounts: [
          fileSystem("/one", "tmpfs"),
          { kind: "tree", destination: "/one/two", fd: 9, directory: false },
          { kind: "link", destination: "/one/three", target: "two" },
        ],
        seals: [{ target: "/one", attributes: 1 }],
      },
    });
    const at = (about: string): number => child.ops.findLastIndex((op) => op.about === about);
    const places = [
      'mount at "/one"',
      'mount at "/one/two"',
      'make the link "/one/three"',
      'make "/one" read-only',
    ].map(at);
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(child.ops[at('mount at "/one/two"')]?.args[0]).toBe(9);
    // A file is made for a file.
    expect(positionsOf(child, "mknodat").some((i) => child.ops[i]?.about === 'mount at "/one/two"')).toBe(
      true,
    );
  });

  test("waits for its interfaces before the rest, or for those that come beside it at the end", () => {
    const meetings = (network: "before" | "concurrently"): readonly boolean[] => {
      const { child } = container({ input: { network }, planned: { announce: network === "concurrently" } });
      const close = positionOf(child, "close_range");
      const [mount = -1] = positionsOf(child, "fsopen");
      return positionsOf(child, "read", 3).flatMap((at) => [at < mount, at > close]);
    };
    expect(meetings("before")).toEqual([true, false]);
    expect(meetings("concurrently")).toEqual([false, true]);
  });

  test("masks what exists: a directory by an empty file system, a file by the null device", () => {
    const { child } = container({ linux: { maskedPaths: ["/etc/secret"] } });
    const ops = child.ops.filter(({ about }) => about === 'mask "/etc/secret"');
    expect(ops.filter(({ call }) => call === "openat2").map(({ skip }) => skip?.errors)).toEqual([
      [2, 20],
      [2, 20],
    ]);
    expect(ops.filter(({ call }) => call === "fsopen").map(({ args }) => args[0])).toEqual(["tmpfs"]);
    expect(ops.find(({ call }) => call === "fsmount")?.args[2]).toBe(1);
    // The host's null device, cloned when nothing can reach the host any more and its tree is not left yet.
    const clone = child.ops.findIndex(({ call, about }) => call === "open_tree" && about.startsWith("mask"));
    const source = child.ops[(child.ops[clone] as PlanOp & { args: [{ result: number }] }).args[0].result];
    expect(source?.args.slice(0, 2)).toEqual([-100, "/dev/null"]);
    expect(clone).toBeGreaterThan(positionOf(child, "mount"));
    expect(clone).toBeLessThan(positionOf(child, "pivot_root"));
    expect(ops.filter(({ call }) => call === "move_mount").map(({ args }) => args[0])).toContainEqual({
      result: clone,
    });
  });

  test("makes a mask for a file only when one is there, where clones can be cloned", () => {
    const paths = ["/etc/secret", "/etc/other"];
    const { child } = container({ linux: { maskedPaths: paths }, input: { clonesDetached: true } });
    const clones = positionsOf(child, "open_tree").filter((i) => /mask|null/.test(child.ops[i]?.about ?? ""));
    const [first = -1, ...rest] = clones;
    expect(first).toBeLessThan(positionOf(child, "pivot_root"));
    const [source] = (child.ops[first] as PlanOp & { args: [{ result: number }] }).args;
    expect(child.ops[source.result]?.args.slice(0, 2)).toEqual([-100, "/dev/null"]);
    expect(rest.map((i) => child.ops[i]?.about)).toEqual(paths.map((path) => `mask "${path}"`));
    for (const i of rest) {
      expect(child.ops[i]?.args[0]).toEqual({ result: first });
      expect(child.ops[i + 1]).toMatchObject({
        call: "move_mount",
        args: [{ result: i }, "", { result: i - 3 }, "", expect.anything()],
      });
      // Jumped over when a directory is there, left out with the rest when nothing is.
      expect(child.ops[i - 1]).toMatchObject({ call: "close", args: [-1], skip: { count: 2 } });
      expect(child.ops[i - 2]).toMatchObject({ call: "faccessat", skip: { errors: [20], count: 1 } });
      expect(child.ops[i - 3]).toMatchObject({ call: "openat2", skip: { errors: [2, 20], count: 5 } });
    }
  });

  test("makes paths read-only by a clone of what is there", () => {
    const { child } = container({ linux: { readonlyPaths: ["/proc/sys"] } });
    const ops = child.ops.filter(({ about }) => about === 'make "/proc/sys" read-only');
    expect(ops.map(({ call }) => call)).toEqual([
      "openat2",
      "open_tree",
      "mount_setattr",
      "move_mount",
      "close",
      "close",
    ]);
    expect(ops[0]?.skip).toEqual({ errors: [2, 20], count: 5 });
  });

  test("makes the root read-only after all that is made in it", () => {
    const { child } = container({
      config: { root: { path: "/", readonly: true } },
      process: { cwd: "/new" },
    });
    const at = child.ops.findIndex(({ about }) => about === "make the root file system read-only");
    for (const call of ["mkdirat", "mknodat", "symlinkat", "move_mount"] as const)
      expect(Math.max(...positionsOf(child, call))).toBeLessThan(at);
  });

  test("refuses a device without a name, and the engine's own mount namespace", () => {
    const devices = [{ type: "c", path: "/dev/..", major: 1, minor: 3 }] as const;
    expect(() => container({ linux: { devices } })).toThrow("it has no name");
    expect(() => container({ linux: { namespaces: [] } })).toThrow("mount namespace");
  });

  test("makes pipes in the keeper for all streams that are asked for", () => {
    const without = container();
    expect(positionsOf(without.before, "pipe2").length).toBe(2);
    expect(Object.keys(defined(without.streams))).toEqual(["stdout", "stderr"]);
    const open = container({ input: { openStdin: true } });
    expect(positionsOf(open.before, "pipe2").length).toBe(3);
    expect(positionsOf(open.child, "dup3").map((i) => open.child.ops[i]?.args[1])).toEqual([0, 1, 2]);
    expect(container({ process: { terminal: true } }).streams).toEqual({});
  });
});

describe("planExec()", () => {
  test("joins the pid namespace before the clone, all others in the child at once, after the cgroup", () => {
    const { before, child, cloneFlags } = exec();
    expect(positionsOf(before, "setns", 4, 0x20000000)).toEqual([0]);
    const all = 0x20000 | 0x4000000 | 0x8000000 | 0x40000000 | 0x2000000;
    const setns = positionOf(child, "setns", 4, all);
    for (const tasks of [5, 6]) expect(positionOf(child, "write", tasks, "0")).toBeLessThan(setns);
    expect(cloneFlags).toBe(0);
  });

  test("makes no working directory, and enters it as the container's root has it", () => {
    const { child } = exec({ process: { cwd: "/a/b" } });
    expect(positionsOf(child, "mkdirat")).toEqual([]);
    const opens = positionsOf(child, "openat2").map((i) => child.ops[i] as PlanOp);
    expect(opens).toHaveLength(3); // tries
    for (const open of opens) {
      expect(open.args[1]).toBe("a/b");
      expect(resolveOf(open) & IN_ROOT).toBe(IN_ROOT);
      expect(open.args[0]).toEqual({ result: positionOf(child, "openat", -100, "/") });
    }
  });
});
