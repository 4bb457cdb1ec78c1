import { Failure, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import type { EndpointPlan, NetworkPlan } from "../../network/types.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { mergeSpec } from "../../model/merge-spec.ts";
import type { PortSpec } from "../../model/networks.ts";
import type { ContainerRecord, EndpointRecord } from "../state/records.ts";
import type { PortRemoval } from "../../model/updates.ts";
import { choosePorts } from "./choose-ports.ts";
import { portFacts } from "./join-networks.ts";
import { routeEndpoints } from "./resolve-endpoints.ts";
import { removePorts } from "./remove-ports.ts";
import { describeUnreached } from "./unreached-ports.ts";

/**
 * Publishes more ports of a container and takes others away, all or nothing; returns the record as it is then, not
 * stored yet. Of a running one the kernel has them when this resolves. Those that stay are not interrupted.
 */
export async function changePorts(
  context: ContainerContext,
  record: ContainerRecord,
  {
    add = [],
    remove = [],
  }: { readonly add?: readonly PortSpec[] | undefined; readonly remove?: readonly PortRemoval[] | undefined },
): Promise<{ readonly record: ContainerRecord; readonly undo: () => Promise<void> }> {
  if (add.length + remove.length === 0) return { record, undo: async () => {} };
  const { spec, endpoints = [] } = record;
  if (endpoints.length === 0) {
    throw new Failure(
      "invalid",
      `cannot publish ports of container "${record.name}": it has no network of its own that leads to the host`,
    );
  }
  const left = removePorts(spec.network?.ports ?? [], remove);
  const changed: ContainerRecord = {
    ...record,
    spec: mergeSpec(spec, { network: { ports: [...left.ports, ...add] } }),
  };
  if (!isRunning(record)) {
    requireFound(record, left.missing);
    return { record: changed, undo: async () => {} };
  }
  const ends = endpoints.flatMap((endpoint) => {
    const network = context.networks.find(endpoint.networkId)?.plan;
    return network === undefined || endpoint.plan === undefined
      ? []
      : [{ endpoint, network, settings: endpoint.settings, plan: endpoint.plan }];
  });
  return await changeLive(context, { changed, ends, add, remove });
}

interface LiveEnd {
  readonly endpoint: EndpointRecord;
  readonly network: NetworkPlan;
  readonly settings: EndpointRecord["settings"];
  readonly plan: EndpointPlan;
}

async function changeLive(
  context: ContainerContext,
  {
    changed,
    ends,
    add,
    remove,
  }: {
    readonly changed: ContainerRecord;
    readonly ends: readonly LiveEnd[];
    readonly add: readonly PortSpec[];
    readonly remove: readonly PortRemoval[];
  },
): Promise<{ readonly record: ContainerRecord; readonly undo: () => Promise<void> }> {
  // The bound ports, with the numbers that the user or the engine chose.
  const bound = ends.map(({ plan }) => removePorts(plan.ports, remove));
  requireFound(
    changed,
    remove.filter((wish) => bound.every(({ missing }) => missing.includes(wish))),
  );
  const facts = portFacts(context, changed.id);
  const own = bound.flatMap(({ ports }) => ports).map((ports) => ({ ports, name: changed.name }));
  const chosen = choosePorts(add, { ...facts, others: [...facts.others, ...own] });
  // As it was when it started.
  const relaysIpv6 = ends.some(({ plan }) => plan.relaysIpv6 === true);
  const routed = routeEndpoints(ends, { ports: chosen, relaysIpv6 });
  if (add.length > 0 && routed.every(({ ports }) => ports.length === 0)) {
    const [why = "none of its networks leads to the host"] = describeUnreached(
      add,
      ends.map(({ network }) => network),
      { relaysIpv6 },
    );
    throw new Failure("invalid", `cannot publish ports of container "${changed.name}": ${why}`);
  }
  const plans = ends.map(({ plan }, at) => ({
    ...plan,
    ports: [...(bound[at]?.ports ?? []), ...(routed[at]?.ports ?? [])],
  }));
  const apply = async (wanted: readonly EndpointPlan[]): Promise<void> => {
    for (const plan of wanted) {
      await context.networks.part.setPorts(plan.id, plan.ports);
      context.networks.leases.add(changed.id, plan);
    }
  };
  const undo = (): Promise<void> => apply(ends.map(({ plan }) => plan));
  for (const plan of plans) context.networks.leases.add(changed.id, plan);
  try {
    await apply(plans);
    fault("publish.applied");
  } catch (thrown) {
    await undo().catch(() => undefined);
    throw within(`cannot publish ports of container "${changed.name}"`, thrown);
  }
  const endpoints = (changed.endpoints ?? []).map((endpoint) => {
    const plan = plans.find(({ networkId }) => networkId === endpoint.networkId);
    return plan === undefined ? endpoint : { ...endpoint, plan };
  });
  return { record: { ...changed, endpoints }, undo };
}

function requireFound({ name }: ContainerRecord, missing: readonly PortRemoval[]): void {
  const [first] = missing;
  if (first === undefined) return;
  const prefix = first.hostAddress === undefined ? "" : `${first.hostAddress}:`;
  const protocol = first.protocol === undefined ? "" : `/${first.protocol}`;
  throw new Failure(
    "invalid",
    `cannot take port ${prefix}${first.hostPort}${protocol} from container "${name}": it is not published`,
  );
}
