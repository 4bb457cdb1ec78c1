import type { ReachRow } from "../../api/types/tare.ts";
import { kindOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { OutputStream } from "../context.ts";

/** People see from where ports can be reached; scripts read Docker's output. */
export function isReachShown(stream: OutputStream): boolean {
  return stream.isTTY === true;
}

/** The daemon's information on published ports; none from a daemon other than Tare's. */
export async function findReach(client: Client, signal?: AbortSignal): Promise<readonly ReachRow[]> {
  try {
    return await client.system.reach({ signal });
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return [];
    throw thrown;
  }
}

/** From where a container's port can be reached; undefined for one of which nothing is known. */
export function reachOfPort(
  rows: readonly ReachRow[],
  { container, type, outer }: { readonly container: string; readonly type: string; readonly outer: number },
): string | undefined {
  return rows.find(
    ({ Container, Type, HostPort, Count }) =>
      Container === container && Type === type && outer >= HostPort && outer < HostPort + Count,
  )?.Text;
}

/**
 * `from eth0` for a container all of whose ports are alike, else each with its own: `8080/tcp from eth0; 8081/tcp …`.
 */
export function formatReach(rows: readonly ReachRow[], container: string): string {
  const own = rows.filter((row) => row.Container === container);
  const texts = new Set(own.map(({ Text }) => Text));
  if (texts.size <= 1) return [...texts].join("");
  return own.map((row) => `${numbersOf(row)}/${row.Type} ${row.Text}`).join("; ");
}

/** A short summary of a container's ports for a table. `tare port` shows the rest. */
export function summarizeReach(rows: readonly ReachRow[], container: string): string {
  const texts = new Set(rows.filter((row) => row.Container === container).map(({ Summary }) => Summary));
  return texts.size <= 1 ? [...texts].join("") : "differs by port";
}

/** Formats one line for each range of ports of the container, for the user who has just published them. */
export function reachLines(rows: readonly ReachRow[], container: string): readonly string[] {
  return rows
    .filter((row) => row.Container === container)
    .map((row) => `published ${addressOf(row)}${numbersOf(row)}/${row.Type}: ${row.Text}`);
}

function numbersOf({ HostPort, Count }: ReachRow): string {
  return Count === 1 ? String(HostPort) : `${HostPort}-${HostPort + Count - 1}`;
}

function addressOf({ HostIp }: ReachRow): string {
  if (HostIp === "") return "";
  return HostIp.includes(":") ? `[${HostIp}]:` : `${HostIp}:`;
}
