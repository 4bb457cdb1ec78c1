import { keysOf } from "../../../base/keys.ts";
import { Failure } from "../../../base/failure.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import { type NamespaceType, openNamespace } from "../../../linux/namespaces/namespaces.ts";
import { findProcess } from "../../../linux/process/process.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";

export interface JoinedNamespaces extends Disposable {
  readonly fds: ReadonlyMap<NamespaceType, Fd>;
}

/**
 * Descriptors of the namespaces that this container shares with others, all of which run (as their start times
 * show). The caller disposes of them. Throws "conflict" naming one that doesn't run.
 */
export function openJoinedNamespaces(context: ContainerContext, record: ContainerRecord): JoinedNamespaces {
  using opened = new DisposableStack();
  const fds = new Map<NamespaceType, Fd>();
  const { pid, ipc, uts, network, user } = record.spec.isolation?.namespaces ?? {};
  const modes = { user, pid, ipc, uts, network };
  for (const type of keysOf(modes)) {
    const mode = modes[type];
    if (typeof mode !== "object" || !("container" in mode)) continue;
    const fd = opened.use(openOf(context, { reference: mode.container, type, of: record }));
    fds.set(type, fd.fd);
  }
  const held = opened.move();
  return { fds, [Symbol.dispose]: () => held.dispose() };
}

function openOf(
  context: ContainerContext,
  want: { readonly reference: string; readonly type: NamespaceType; readonly of: ContainerRecord },
): ReturnType<typeof openNamespace> {
  const sentence = `cannot start container "${want.of.name}": it shares the ${want.type} namespace of container`;
  const other = context.state.findContainer(want.reference);
  if (other === undefined) {
    throw new Failure("conflict", `${sentence} ${want.reference.slice(0, 12)}, which was removed`);
  }
  const { state, startTime } = other;
  if (state.status === "running" && startTime !== undefined) {
    using pidfd = findProcess({ pid: state.pid, startTime: BigInt(startTime) });
    if (pidfd !== undefined) return openNamespace({ pid: state.pid, pidfd: pidfd.fd }, want.type);
  }
  throw new Failure("conflict", `${sentence} "${other.name}", which is not running: start that one first`);
}
