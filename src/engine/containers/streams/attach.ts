import { Failure } from "../../../base/failure.ts";
import { readLog } from "../../../logs/read-log.ts";
import { encodeFrame } from "../../../spec/stream-frames.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { AttachOptions, AttachedStream } from "../../../model/streams.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { DeferredDuplex } from "./deferred-duplex.ts";
import { startsNsOf } from "./logs.ts";

/**
 * A client's end of the container's streams; of one that does not run, from its next start on, missing no byte.
 * With `logs` the log comes first.
 */
export async function attachContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: AttachOptions,
): Promise<AttachedStream> {
  const record = getContainer(context.state, reference);
  const { status } = record.state;
  if (status === "paused" || status === "restarting") {
    const advice =
      status === "paused" ? "unpause the container before attach" : "wait until the container is running";
    throw new Failure("conflict", `container ${reference} is ${status}, ${advice}`, {
      details: { state: status, id: record.id },
    });
  }
  const terminal = record.spec.process?.terminal ?? false;
  const duplex = new DeferredDuplex();
  const { logs = false, stream = true } = options;
  if (logs)
    void giveLog(context, record, { duplex, options }).then(
      () => join(),
      (error: Error) => duplex.destroy(error),
    );
  else await join();
  return { terminal, duplex, recordDetach: () => recordEvent("detach") };

  function recordEvent(action: "attach" | "detach"): void {
    const now = context.state.findContainer(record.id);
    if (now !== undefined && now.isBuildStep !== true && !context.closing.aborted)
      context.state.events.record(containerEvent(now, action));
  }

  async function join(): Promise<void> {
    recordEvent("attach");
    if (stream) await joinProcess(context, record, { duplex, options });
    else duplex.abandon();
  }
}

async function joinProcess(
  context: ContainerContext,
  { id }: ContainerRecord,
  { duplex, options }: { readonly duplex: DeferredDuplex; readonly options: AttachOptions },
): Promise<void> {
  const streams = {
    stdin: options.stdin ?? false,
    stdout: options.stdout ?? false,
    stderr: options.stderr ?? false,
  };
  const now = getContainer(context.state, id);
  const live = context.live.get(id);
  if (live === undefined) {
    if (isRunning(now)) {
      throw new Failure("unavailable", `cannot attach to container "${now.name}": it is just ending`);
    }
    return context.attaches.add(id, duplex, streams);
  }
  duplex.join(await live.kept.attach(streams), { endsAfter: live.ended });
}

async function giveLog(
  context: ContainerContext,
  record: ContainerRecord,
  { duplex, options }: { readonly duplex: DeferredDuplex; readonly options: AttachOptions },
): Promise<void> {
  const entries = readLog(context.paths.log(record.id), {
    stdout: options.stdout ?? false,
    stderr: options.stderr ?? false,
    startsNs: startsNsOf(record),
  });
  for await (const entry of entries) {
    await duplex.give(
      record.spec.process?.terminal === true ? entry.bytes : encodeFrame(entry.stream, entry.bytes),
    );
  }
}
