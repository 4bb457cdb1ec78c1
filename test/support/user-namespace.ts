import { spawn } from "node:child_process";
import { readlinkSync, writeFileSync } from "node:fs";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { openUserNamespace } from "../../src/linux/namespaces/user-namespace.ts";
import { poll } from "./patience.ts";

/** A user namespace in which user 0 of a file system is 70000; the caller disposes of it. */
export async function makeUserNamespace(): Promise<OwnedFd> {
  const child = spawn("unshare", ["--user", "sleep", "60"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const pid = child.pid as number;
    const ours = readlinkSync("/proc/self/ns/user");
    const made = (): true | undefined => (readlinkSync(`/proc/${pid}/ns/user`) === ours ? undefined : true);
    await poll(made, { everyMs: 5, timeoutMs: 20_000, what: "see the user namespace" });
    for (const kind of ["uid", "gid"]) writeFileSync(`/proc/${pid}/${kind}_map`, "0 70000 1000");
    return openUserNamespace(pid);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
