import { totalmem } from "node:os";
import { Failure } from "../../../base/failure.ts";
import { findProcessDetails, readUptimeSeconds } from "../../../linux/process/process-details.ts";
import { parseGroup, parsePasswd } from "../../../spec/passwd.ts";
import { parseProcessColumns } from "../../resolve/process-columns.ts";
import { formatProcesses } from "../../resolve/process-table.ts";
import type { ProcessTable } from "../../../model/containers.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import { cgroupOf, type ContainerContext, isRunning } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";

/** The processes of its cgroup as the host numbers them, read from /proc. "conflict" when it does not run. */
export function listProcesses(
  context: ContainerContext,
  reference: ContainerReference,
  { psOptions = "" }: { readonly psOptions?: string | undefined } = {},
): ProcessTable {
  const record = getContainer(context.state, reference);
  const { id, name, state } = record;
  if (!isRunning(record)) {
    throw new Failure("conflict", `cannot list the processes of container "${name}": it is not running`, {
      details: { state: state.status, id },
    });
  }
  const columns = parseProcessColumns(psOptions);
  const { host } = context.dependencies;
  const processes = cgroupOf(context, record)
    .pids()
    .flatMap((pid) => findProcessDetails(pid) ?? []);
  const facts = {
    nowMs: Date.now(),
    uptimeSeconds: readUptimeSeconds(),
    memoryBytes: totalmem(),
    // The first line of a number names it.
    users: new Map(
      parsePasswd(host.readText("/etc/passwd"))
        .map((entry) => [entry.uid, entry.name] as const)
        .toReversed(),
    ),
    groups: new Map(
      parseGroup(host.readText("/etc/group"))
        .map((entry) => [entry.gid, entry.name] as const)
        .toReversed(),
    ),
  };
  context.state.events.record(containerEvent(record, "top"));
  return { titles: columns.map(({ title }) => title), processes: formatProcesses(processes, columns, facts) };
}
