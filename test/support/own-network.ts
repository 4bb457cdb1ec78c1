/**
 * Loaded before every test file (bunfig.toml). Root's tests run in a network namespace of their own, which is "the host"
 * to them: bridges, addresses and firewall tables of the engines under test are made there and go with the process. All
 * threads have to be in it, also those that Bun has started by now: so the process executes itself again.
 */
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { CLONE_NEWNET } from "../../src/linux/constants/clone.ts";
import { addressOf, attempt } from "../../src/linux/syscall.ts";

const mark = "TARE_TEST_NETWORK=own";

if (process.getuid?.() === 0 && process.env["TARE_TEST_NETWORK"] !== "own") {
  if (attempt("unshare", CLONE_NEWNET) === 0) {
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
