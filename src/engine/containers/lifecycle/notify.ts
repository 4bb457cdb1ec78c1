import { sentenceOf } from "../../../base/failure.ts";
import { isSameProcess, processStartTime } from "../../../linux/process/process.ts";
import { openUnixSocket, sendUnixMessage } from "../../../linux/sockets/unix-message.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerLifecycle } from "../../../model/container-spec.ts";
import type { ContainerContext } from "../../context.ts";

type Notify = ContainerLifecycle["notify"];

/** The caller's process for good: systemd takes a message for the unit that its sender is in. */
export function identifyCaller(notify: Notify): Notify {
  if (notify?.pid === undefined) return notify;
  try {
    return { ...notify, startTime: String(processStartTime(notify.pid)) };
  } catch {
    const { pid: _, ...rest } = notify;
    return rest; // it has ended
  }
}

/** As notifyReady(), unless the message is to come with the first successful health check. */
export function notifyStarted(context: ContainerContext, record: ContainerRecord, kept: KeptProcess): void {
  if (record.spec.lifecycle?.notify?.whenHealthy !== true) notifyReady(context, record, kept);
}

/**
 * Sends READY to the sd_notify(3) socket when the container runs, with its keeper as the main process. It sends on
 * behalf of the caller if that still exists. A failure is only noted: the container runs.
 */
export function notifyReady(
  context: ContainerContext,
  { id, spec }: ContainerRecord,
  kept: KeptProcess,
): void {
  const { lifecycle: { notify } = {} } = spec;
  if (notify === undefined) return;
  const { socket: to, pid, startTime } = notify;
  const isCallerThere = pid !== undefined && startTime !== undefined && isSameProcess(pid, BigInt(startTime));
  try {
    using socket = openUnixSocket("datagram");
    sendUnixMessage(socket.fd, Buffer.from(`MAINPID=${kept.keeperPid}\nREADY=1\n`), {
      to,
      credentials: isCallerThere ? { pid, uid: 0, gid: 0 } : undefined,
    });
  } catch (thrown) {
    context.background.note(id, `cannot report its start to "${to}": ${sentenceOf(thrown)}`);
  }
}
