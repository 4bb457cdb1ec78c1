import { openSync } from "node:fs";
import { Failure, within } from "../../base/failure.ts";
import { OwnedFd } from "../kernel/fd.ts";
import { findProcessStatistics } from "./process.ts";

/** The network namespace of a process that waits for this program, and so keeps its pid; the caller disposes of it. */
export function openProcessNetwork(pid: number): OwnedFd {
  try {
    return new OwnedFd(openSync(`/proc/${pid}/ns/net`, "r"));
  } catch (cause) {
    throw within(`cannot open the network namespace of process ${pid}`, cause);
  }
}

/** The same of a child that does not wait. "not-found" when it has ended, also where its pid is another's by now. */
export function openChildNetwork(child: { readonly pid: number; readonly parentPid: number }): OwnedFd {
  const { pid, parentPid } = child;
  using network = openProcessNetwork(pid);
  // SAFETY: read after the opening: whose child it is now, it was then.
  if (findProcessStatistics(pid)?.parentPid === parentPid) return new OwnedFd(network.move());
  throw new Failure("not-found", `cannot open the network namespace of process ${pid}: it has ended`);
}
