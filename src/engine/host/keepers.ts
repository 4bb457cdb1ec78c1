import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { findProcessStatistics } from "../../linux/process/process.ts";

export interface FoundKeeper {
  readonly pid: number;
  /** Of the directory below the run root that it holds: the container's id. */
  readonly name: string;
}

/**
 * All keepers on this machine that have a process and hold a directory below `runs`. Looks at every process: not for a
 * busy path.
 */
export function listKeepers(runs: string): readonly FoundKeeper[] {
  return readdirSync("/proc").flatMap((entry): readonly FoundKeeper[] => {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid) || findProcessStatistics(pid)?.name !== "tare-keeper") return [];
    // Without a child it only gives out the last bytes to slow clients.
    if (!hasChild(pid)) return [];
    const held = heldFiles(pid).find((path) => path.startsWith(`${runs}/`));
    const name = held?.slice(runs.length + 1).split(/[/ ]/)[0];
    return name === undefined || name === "" ? [] : [{ pid, name }];
  });
}

function hasChild(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim() !== "";
  } catch {
    return false;
  }
}

function heldFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return []; // it has just ended
  }
}
