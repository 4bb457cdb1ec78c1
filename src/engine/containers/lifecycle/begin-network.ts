import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import type { EndpointPlan } from "../../../network/types.ts";
import { attachEndpoints } from "../../networks/join-networks.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";
import { fitsPrewarmedNetwork } from "../../prewarm/fits-network.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";

/** A prewarmed network namespace, and the interfaces that are on their way into it. */
export class BegunNetwork implements AsyncDisposable {
  readonly #netns: OwnedFd;
  /** Settles when they are there; may fail unheard. Absent: the container has no interfaces but its loopback. */
  readonly attached?: Promise<void> | undefined;

  constructor(netns: OwnedFd, attach?: (netns: Fd) => Promise<void>) {
    this.#netns = netns;
    if (attach === undefined) return;
    this.attached = attach(netns.fd);
    this.attached.catch(() => {});
  }

  get netns(): Fd {
    return this.#netns.fd;
  }

  /** SAFETY: waits for the interfaces: the kernel may still be about to look at the descriptor by its number. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.attached?.catch(() => {});
    this.#netns[Symbol.dispose]();
  }
}

/**
 * Takes a prewarmed network namespace, where one fits the container, and begins to attach the interfaces concurrently
 * with the rest of the start. releaseEndpoints() removes what a failed start leaves in the host's firewall, after this
 * is disposed of.
 */
export function beginNetwork(
  context: ContainerContext,
  record: ContainerRecord,
  { plan, endpoints }: { readonly plan: ResolvedContainer; readonly endpoints: readonly EndpointPlan[] },
): BegunNetwork | undefined {
  const { network, user = "host" } = record.spec.isolation?.namespaces ?? {};
  const hasUserNamespace = record.idMaps !== undefined || user !== "host";
  if (!fitsPrewarmedNetwork({ network, hasUserNamespace, sysctls: plan.sysctls })) return undefined;
  const taken = context.dependencies.prewarming.takeNetwork();
  if (taken === undefined) return undefined;
  if (endpoints.length === 0) return new BegunNetwork(taken);
  return new BegunNetwork(taken, (netns) => attachEndpoints(context, record, { netns, plans: endpoints }));
}
