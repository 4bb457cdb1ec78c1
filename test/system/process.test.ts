import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { namespaceKinds, openNamespace, readNamespaces } from "../../src/linux/namespaces/namespaces.ts";
import {
  bootId,
  findProcess,
  findProcessStatistics,
  isAlive,
  isSameProcess,
  openProcess,
  processStartTime,
  signalProcess,
  takeFd,
} from "../../src/linux/process/process.ts";

interface Sleeper {
  readonly pid: number;
  readonly ended: Promise<NodeJS.Signals | null>;
}

function startSleeper(...wrapper: string[]): Sleeper {
  const child = spawn("env", [...wrapper, "sleep", "60"], { stdio: "ignore" });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_, signal) => resolve(signal)),
  );
  return { pid: child.pid as number, ended };
}

describe("a process", () => {
  test("openProcess() and signalProcess() reach it, and say when it has ended", async () => {
    const sleeper = startSleeper();
    using pidfd = openProcess(sleeper.pid);
    expect(isAlive(pidfd.fd)).toBe(true);
    expect(signalProcess(pidfd.fd, 15)).toBe(true);
    expect(await sleeper.ended).toBe("SIGTERM");
    expect(isAlive(pidfd.fd)).toBe(false);
    expect(signalProcess(pidfd.fd, 15)).toBe(false);
    expect(() => openProcess(sleeper.pid)).toThrow(`cannot open process ${sleeper.pid}: no such process`);
    expect(findProcessStatistics(sleeper.pid)).toBeUndefined();
  });

  test("signalProcess() refuses a number that is no signal", async () => {
    const sleeper = startSleeper();
    using pidfd = openProcess(sleeper.pid);
    expect(() => signalProcess(pidfd.fd, 200)).toThrow(/EINVAL/);
    signalProcess(pidfd.fd, 9);
    await sleeper.ended;
  });

  test("findProcess() finds the one with that start time only", async () => {
    const sleeper = startSleeper();
    const startTime = processStartTime(sleeper.pid);
    expect(isSameProcess(sleeper.pid, startTime)).toBe(true);
    expect(isSameProcess(sleeper.pid, startTime + 1n)).toBe(false);
    expect(findProcess({ pid: sleeper.pid, startTime: startTime - 1n })).toBeUndefined();
    using found = findProcess({ pid: sleeper.pid, startTime });
    if (found === undefined) throw new Error("it was not found");
    signalProcess(found.fd, 9);
    await sleeper.ended;
    expect(findProcess({ pid: sleeper.pid, startTime })).toBeUndefined();
    expect(() => processStartTime(sleeper.pid)).toThrow(/no such process/);
  });

  test("takeFd() copies a descriptor of another process", () => {
    using pidfd = openProcess(process.pid);
    const file = openSync("/etc/passwd", "r");
    using copy = takeFd(pidfd.fd, file);
    expect(copy.fd).not.toBe(file);
    expect(fstatSync(copy.fd).ino).toBe(fstatSync(file).ino);
    closeSync(file);
    expect(() => takeFd(pidfd.fd, 99_999)).toThrow(/EBADF/);
  });

  test("bootId() is this boot's", () => {
    expect(bootId()).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  });
});

describe("namespaces", () => {
  test("readNamespaces() gives the inodes of the files", () => {
    const inodes = readNamespaces("self");
    for (const kind of namespaceKinds) {
      expect(inodes[kind.type]).toBe(statSync(`/proc/self/ns/${kind.file}`).ino);
    }
    expect(() => readNamespaces(2 ** 22 + 1)).toThrow(/no such process/);
  });

  test.each(["", "pidfd-namespaces"])(
    "openNamespace() opens that of the process, without %p",
    async (without) => {
      process.env["TARE_WITHOUT"] = without;
      try {
        const sleeper = startSleeper("unshare", "--uts", "--ipc", "--cgroup");
        using pidfd = openProcess(sleeper.pid);
        while (findProcessStatistics(sleeper.pid)?.name !== "sleep") await Bun.sleep(2);
        const inodes = readNamespaces(sleeper.pid);
        expect(inodes.uts).not.toBe(readNamespaces("self").uts as number);
        for (const kind of namespaceKinds) {
          using namespace = openNamespace({ pid: sleeper.pid, pidfd: pidfd.fd }, kind.type);
          expect(fstatSync(namespace.fd).ino).toBe(inodes[kind.type] as number);
        }
        // a pid that belongs to another process by now gives nothing
        signalProcess(pidfd.fd, 9);
        await sleeper.ended;
        expect(() => openNamespace({ pid: process.pid, pidfd: pidfd.fd }, "uts")).toThrow(
          `cannot open the uts namespace of process ${process.pid}: it has ended`,
        );
      } finally {
        delete process.env["TARE_WITHOUT"];
      }
    },
  );
});
