import { openSync } from "node:fs";
import { within } from "../base/failure.ts";
import { OwnedFd } from "./fd.ts";

/** The network namespace of a process that waits for this program, and so keeps its pid; the caller disposes of it. */
export function openProcessNetwork(pid: number): OwnedFd {
  try {
    return new OwnedFd(openSync(`/proc/${pid}/ns/net`, "r"));
  } catch (cause) {
    throw within(`cannot open the network namespace of process ${pid}`, cause);
  }
}
