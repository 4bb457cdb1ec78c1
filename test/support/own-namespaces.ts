/**
 * Loaded before every test file (bunfig.toml). Root's tests run in network and mount namespaces of their own: bridges,
 * addresses, firewall tables and mounts of the engines under test are made there and go with the process, so that files
 * can run at the same time. All threads have to be in them, also those that Bun has started by now: so the process
 * executes itself again.
 */
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { CLONE_NEWNET, CLONE_NEWNS } from "../../src/linux/constants/clone.ts";
import { MS_REC, MS_SLAVE } from "../../src/linux/constants/mount.ts";
import { addressOf, attempt } from "../../src/linux/kernel/syscall.ts";

const mark = "TARE_TEST_NAMESPACES=own";

if (process.getuid?.() === 0 && process.env["TARE_TEST_NAMESPACES"] !== "own") {
  if (attempt("unshare", CLONE_NEWNET | CLONE_NEWNS) === 0) {
    // Mounts of the host propagate here, but not back.
    const none = Buffer.from("none\0");
    const root = Buffer.from("/\0");
    if (attempt("mount", none, root, 0, MS_REC | MS_SLAVE, 0) < 0)
      throw new Error("cannot make the mounts of a test its own");
    spawnSync("ip", ["link", "set", "lo", "up"]);
    executeAgain();
  }
}

function executeAgain(): void {
  const read = (name: string): string[] =>
    readFileSync(`/proc/self/${name}`, "utf8").split("\0").slice(0, -1);
  const kept: Uint8Array[] = [];
  const list = (words: readonly string[]): Uint8Array => {
    const addresses = words.map((word) => {
      const bytes = Buffer.from(`${word}\0`);
      kept.push(bytes);
      return addressOf(bytes);
    });
    return new Uint8Array(new BigUint64Array([...addresses, 0n]).buffer);
  };
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const [argv, env] = [list(read("cmdline")), list([...environment, mark])];
  attempt("execve", Buffer.from("/proc/self/exe\0"), argv, env);
}
