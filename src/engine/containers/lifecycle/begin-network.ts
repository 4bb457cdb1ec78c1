import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import type { EndpointPlan } from "../../../network/types.ts";
import { areOfInterfaces } from "../../../spec/sysctl.ts";
import { attachEndpoints } from "../../networks/join-networks.ts";
import type { ContainerPlan } from "../../planning/plan-container.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";

/** Interfaces on their way into a network namespace that was prewarmed. */
export class BegunNetwork implements AsyncDisposable {
  readonly #netns: OwnedFd;
  /** Settles when they are there; may fail unheard. */
  readonly attached: Promise<void>;

  constructor(netns: OwnedFd, attach: (netns: Fd) => Promise<void>) {
    this.#netns = netns;
    this.attached = attach(netns.fd);
    this.attached.catch(() => {});
  }

  get netns(): Fd {
    return this.#netns.fd;
  }

  /** SAFETY: waits for the interfaces: the kernel may still be about to look at the descriptor by its number. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.attached.catch(() => {});
    this.#netns[Symbol.dispose]();
  }
}

/**
 * Begins with the interfaces of a container, beside all that follows, where they need nothing of its processes and a namespace is there for them.
 * What a start that fails leaves in the host's firewall is releaseEndpoints()'s to take away, after this has been disposed of.
 */
export function beginNetwork(
  context: ContainerContext,
  record: ContainerRecord,
  { plan, endpoints }: { readonly plan: ContainerPlan; readonly endpoints: readonly EndpointPlan[] },
): BegunNetwork | undefined {
  const isOfHost = record.idMaps === undefined && (record.spec.namespaces?.user ?? "host") === "host";
  if (endpoints.length === 0 || !isOfHost || areOfInterfaces(plan.sysctls)) return undefined;
  const taken = context.parts.runtime.takeNetwork();
  if (taken === undefined) return undefined;
  return new BegunNetwork(taken, (netns) => attachEndpoints(context, record, { netns, plans: endpoints }));
}
