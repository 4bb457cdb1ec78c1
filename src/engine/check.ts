import { Failure } from "../base/failure.ts";
import type { OwnedFd } from "../linux/kernel/fd.ts";
import { isSameProcess } from "../linux/process/process.ts";
import { type ContainerContext, isRunning } from "./context.ts";
import type { Garbage } from "./images/garbage.ts";
import { listUnknownDirectories } from "./containers/files/unknown-directories.ts";
import { listKeepers } from "./host/keepers.ts";
import { openLiveNetwork } from "./networks/connect.ts";
import { isUnconfirmed } from "./unconfirmed.ts";
import { subjectOf } from "./state/records.ts";
import { checkVolumes } from "./volumes/check-volumes.ts";
import type { CheckFinding } from "../model/engine.ts";
import type { EndpointId } from "../model/ids.ts";

/** The keepers' cgroup is next to those of the containers. */
const ownCgroups: ReadonlySet<string> = new Set(["keepers"]);

/** Compares records with the kernel and the disk. What goes on in the background at the moment is no finding. */
export async function checkEngine(
  context: ContainerContext,
  garbage: Garbage,
): Promise<readonly CheckFinding[]> {
  const { background, dependencies } = context;
  const begun = context.state.intents().map(([, intent]) => subjectOf(intent));
  const pending = new Set([...background.pending, ...begun]);
  const findings = [
    ...(isUnconfirmed(context.state)
      ? [
          finding(
            "records",
            "were repaired, and nothing is removed as garbage until that is confirmed",
            "look at the containers and images, stop the daemon and run: tare system repair --confirm",
          ),
        ]
      : []),
    ...[...background.failures].map(([subject, problem]) =>
      finding(
        `container ${subject.slice(0, 12)}`,
        `cannot be cleaned up: ${problem}`,
        "restart the engine: it tries again when it opens",
      ),
    ),
    ...checkRecords(context, pending),
    ...checkCgroups(context, pending),
    ...(await checkSnapshots(context, pending)),
    ...checkDirectories(context, pending),
    ...checkKeepers(context, pending),
    ...(await dependencies.storage.health()),
    ...(await dependencies.networks.findings({ openNetns: networkOpener(context) })),
    ...checkVolumes(context.volumes),
  ];
  const { layers: found, blobs } = await garbage.listOverdue();
  // A container that is being removed still has its layers.
  const layers = pending.size === 0 ? found : [];
  if (layers.length + blobs.length > 0) {
    findings.push(
      finding(
        "image store",
        `${layers.length} layers and ${blobs.length} blobs belong to no image`,
        "run settle: it removes them",
      ),
    );
  }
  return findings;
}

/** Of containers that run; undefined while one ends. Who opens one closes it. */
function networkOpener(context: ContainerContext): (id: EndpointId) => OwnedFd | undefined {
  const owners = new Map(
    context.state
      .containers()
      .filter(isRunning)
      .flatMap((record) => (record.endpoints ?? []).map(({ plan }) => [plan?.id, record] as const)),
  );
  return (id) => {
    const record = owners.get(id);
    try {
      return record === undefined ? undefined : openLiveNetwork(context, record);
    } catch (thrown) {
      if (thrown instanceof Failure) return undefined;
      throw thrown;
    }
  };
}

function checkRecords({ state, live }: ContainerContext, pending: ReadonlySet<string>): CheckFinding[] {
  return state.containers().flatMap((record) => {
    if (pending.has(record.id) || !isRunning(record)) return [];
    const subject = `container ${record.name}`;
    const kept = live.get(record.id)?.kept;
    if (kept === undefined) {
      return [finding(subject, "is recorded as running, but no keeper watches it", "restart the engine")];
    }
    if (isSameProcess(kept.pid, kept.startTime)) return [];
    return [
      finding(
        subject,
        `its first process ${kept.pid} has ended, but its keeper has not said so`,
        "kill the keeper",
      ),
    ];
  });
}

function checkCgroups(
  { state, dependencies }: ContainerContext,
  pending: ReadonlySet<string>,
): CheckFinding[] {
  const wanted: ReadonlySet<string> = new Set(
    state
      .containers()
      .filter(isRunning)
      .map((record) => record.id),
  );
  const found = dependencies.cgroups.list().filter((name) => !ownCgroups.has(name));
  return found
    .filter((name) => !wanted.has(name) && !pending.has(name))
    .map((name) =>
      finding(
        `cgroup ${dependencies.cgroups.path}/${name}`,
        "belongs to no running container",
        "remove it with rmdir when it has no processes",
      ),
    );
}

async function checkSnapshots(
  { state, dependencies }: ContainerContext,
  pending: ReadonlySet<string>,
): Promise<CheckFinding[]> {
  const found = new Set(await dependencies.storage.listSnapshots());
  const wanted = new Set<string>(state.containers().map((record) => record.id));
  return [
    ...[...found]
      .filter((id) => !wanted.has(id) && !pending.has(id))
      .map((id) => finding(`snapshot ${id}`, "belongs to no container", "restart the engine")),
    ...[...wanted]
      .filter((id) => !found.has(id))
      .map((id) =>
        finding(`container ${id.slice(0, 12)}`, "has lost its file system", "remove the container"),
      ),
  ];
}

/** A keeper is known by the run directory that it holds open. */
function checkKeepers({ state, paths }: ContainerContext, pending: ReadonlySet<string>): CheckFinding[] {
  return listKeepers(paths.allRuns).flatMap(({ pid, name }) => {
    if (pending.has(name) || state.findContainer(name) !== undefined) return [];
    return [
      finding(
        `keeper ${pid}`,
        `keeps container ${name.slice(0, 12)}, which is not known`,
        `kill it: kill ${pid}`,
      ),
    ];
  });
}

function checkDirectories({ state, paths }: ContainerContext, pending: ReadonlySet<string>): CheckFinding[] {
  const isKnown = (name: string): boolean => state.findContainer(name) !== undefined || pending.has(name);
  return listUnknownDirectories(paths, isKnown).map(({ path }) =>
    finding(`directory ${path}`, "belongs to no container", "restart the engine"),
  );
}

function finding(subject: string, problem: string, advice: string): CheckFinding {
  return { subject, problem, advice };
}
