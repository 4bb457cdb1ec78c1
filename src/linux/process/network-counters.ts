import type { NetworkCounters } from "../../model/statistics.ts";
import { readFileSync } from "node:fs";
import { isSameProcess, type ProcessIdentity } from "./process.ts";

/** From the text of /proc/PID/net/dev, by interface, without the loopback. SPEC: proc_pid_net(5) */
export function parseNetworkCounters(text: string): Readonly<Record<string, NetworkCounters>> {
  const rows: (readonly [string, NetworkCounters])[] = [];
  for (const line of text.split("\n")) {
    const match = /^ *([^\s:]+): *(.*)$/.exec(line);
    if (match === null || match[1] === "lo") continue;
    const fields = (match[2] ?? "").split(/ +/).map(Number);
    const at = (index: number): number => fields[index] ?? 0;
    rows.push([
      match[1] ?? "",
      {
        receivedBytes: at(0),
        receivedPackets: at(1),
        receivedErrors: at(2),
        receivedDropped: at(3),
        sentBytes: at(8),
        sentPackets: at(9),
        sentErrors: at(10),
        sentDropped: at(11),
      },
    ]);
  }
  return Object.fromEntries(rows);
}

/** The interfaces of the network namespace that this process is in; none when it has ended. */
export function readNetworkCounters(process: ProcessIdentity): Readonly<Record<string, NetworkCounters>> {
  let text: string;
  try {
    text = readFileSync(`/proc/${process.pid}/net/dev`, "latin1");
  } catch {
    return {}; // a zombie has no network
  }
  // Its pid may have passed to another process: then what was read is not ours.
  return isSameProcess(process.pid, process.startTime) ? parseNetworkCounters(text) : {};
}
