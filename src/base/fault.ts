/**
 * The places where a test may kill the engine: each parts two effects (a record, a file, something of the kernel's)
 * that a crash can part. `test/support/fault-operations.ts` says which operation comes by which of them.
 */
export const faultPoints = [
  "create.intended",
  "create.directory",
  "create.snapshot",
  "create.recorded",
  "snapshot.copied",
  "snapshot.drafted",
  "view.merged",
  "start.intended",
  "start.volumes",
  "start.mounted",
  "start.prepared",
  "start.cgroup",
  "cgroup.marking",
  "errand.sent",
  "errand.waiting",
  "errand.taken",
  "launch.spawned",
  "launch.planned",
  "launch.born",
  "launch.ready",
  "launch.noted",
  "launch.running",
  "start.launched",
  "start.recorded",
  "end.noticed",
  "end.recorded",
  "end.waiting",
  "end.emptied",
  "end.swept",
  "stop.signaled",
  "stop.ended",
  "kill.signaled",
  "restart.stopped",
  "pause.frozen",
  "pause.recorded",
  "unpause.thawed",
  "unpause.recorded",
  "rename.reserved",
  "rename.recorded",
  "update.intended",
  "update.applied",
  "update.recorded",
  "exec.directory",
  "exec.launched",
  "exec.ended",
  "copy.mounted",
  "copy.written",
  "remove.recorded",
  "sweep.cgroup",
  "sweep.snapshot",
  "sweep.run",
  "sweep.data",
  "sweep.done",
  "trash.renamed",
  "commit.intended",
  "commit.frozen",
  "commit.packed",
  "layer.synced",
  "layer.named",
  "blob.synced",
  "blob.named",
  "images.stored",
  "image.recorded",
  "image.forgotten",
  "garbage.layer",
  "garbage.blob",
  "transaction.written",
  "reconcile.intent",
  "reconcile.found",
  "reconcile.done",
  "undo.snapshot",
  "undo.directory",
  "volume.drafted",
  "volume.named",
  "volume.recorded",
  "volume.copied",
  "volume.ready",
  "volume.moved",
  "volume.forgotten",
  "volume.discarded",
] as const;

export type FaultPoint = (typeof faultPoints)[number];

const [armed, turn = "1", signal = "KILL"] = (process.env["TARE_FAULT"] ?? "").split(":");
let left = Number(turn);

/**
 * Kills this process when the environment variable `TARE_FAULT` names the point: `NAME`, or `NAME:3` for the third time
 * that it comes by. `NAME:1:STOP` stops it there instead, so that something else can be killed. Otherwise does nothing.
 */
export function fault(point: FaultPoint): void {
  if (armed !== point || --left !== 0) return;
  process.kill(process.pid, `SIG${signal}`);
}
