import { required } from "../../base/required.ts";
import { Failure, sentenceOf } from "../../base/failure.ts";
import {
  addMacvlan,
  addSink,
  findLink,
  hasChildLinks,
  type Link,
  type NetlinkRequest,
  removeLink,
  setAlias,
  setGsoSizes,
  setMaster,
  setMtu,
  setNoLinkLocal,
  setUp,
} from "../../linux/netlink/links.ts";
import { NetlinkFailure, type NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import { isForcedAbsent } from "../../linux/kernel/without.ts";
import type { HostSide } from "../host-side.ts";
import { bridgeAliasOf, bypassNamesOf } from "../interface-names.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { portOf } from "./bridge-driver.ts";
import { correctGsoSizes, wantedGsoSizes, withNextPort } from "./correct-gso-sizes.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";

/** Whether this kernel has the interfaces that it takes: nothing is made. */
export function hasBypass(route: NetlinkSocket): boolean {
  return !isForcedAbsent("macvlan-bypass") && hasChildLinks(route, "macvlan");
}

/**
 * Direct links between the containers of a network, without its bridge. Their interfaces are macvlans on a sink, an
 * interface without a peer: macvlan passes a frame for a sibling to the sibling at once. The bridge's port is one of
 * the macvlans and has the bridge's address. So frames for the host reach the bridge, and frames from the bridge find
 * their container; frames for unknown addresses end in the sink. KERNEL: nothing arrives at a sink, so nothing enters
 * the host through it. With a real parent, each frame for the parent's address would.
 *
 * All containers of a network use the same kind of links; the start of the first container determines it.
 */
export class BridgeBypass {
  readonly #host: HostSide;
  /** Whether each network has direct links. Absent: not checked yet. */
  readonly #known = new Map<NetworkId, boolean>();
  /** The reason why a network stays on its bridge, reported once. */
  readonly #said = new Set<NetworkId>();

  constructor(host: HostSide) {
    this.#host = host;
  }

  /** Whether the kernel lacks support, which has been reported. */
  isUnable(id: NetworkId): boolean {
    return this.#said.has(id);
  }

  /**
   * As the plan has it, or as it was while endpoints of the network are there. Returns what containers are to be
   * attached to, if it is not the bridge, which has to be there.
   */
  ensure(plan: NetworkPlan, endpoints: ReadonlyMap<EndpointId, EndpointPlan>): string | undefined {
    const isWanted = plan.bypassesBridge === true;
    if (!isWanted && this.#known.get(plan.id) === false) return undefined;
    const { sink: name } = bypassNamesOf(plan.id);
    const sink = findLink(this.#host.route, name);
    const has = sink !== undefined;
    const isUsed = has !== isWanted && endpoints.values().some(({ networkId }) => networkId === plan.id);
    const isKept = isUsed ? has : isWanted;
    try {
      if (isKept) this.#make(plan, sink);
      else if (has) this.#host.route.send([removeLink(name)]);
      this.#known.set(plan.id, isKept);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.#known.set(plan.id, has);
      if (!this.#said.has(plan.id)) {
        this.#said.add(plan.id);
        const sentence = `packets between containers of ${plan.name} go through its bridge`;
        this.#host.note(`${sentence}: ${sentenceOf(thrown)}`);
      }
    }
    return this.#known.get(plan.id) === true ? name : undefined;
  }

  /** With the network. KERNEL: macvlans go with what they are on. */
  remove(plan: NetworkPlan): void {
    if (this.#known.get(plan.id) === true) this.#host.route.send([removeLink(bypassNamesOf(plan.id).sink)]);
    this.#known.delete(plan.id);
    this.#said.delete(plan.id);
  }

  /** Creates missing interfaces. A failure removes a sink that it created. */
  #make(plan: NetworkPlan, found: Link | undefined): void {
    const { route } = this.#host;
    const names = bypassNamesOf(plan.id);
    const sink = found ?? this.#makeSink(plan);
    try {
      const bridge = findLink(route, plan.interfaceName);
      if (bridge === undefined) throw new Failure("not-found", `its bridge ${plan.interfaceName} is gone`);
      const port = findLink(route, names.port);
      if (port !== undefined && isRightPort(port, bridge)) {
        route.send([
          ...(sink.isUp ? [] : [setUp(names.sink)]),
          ...(port.isUp ? [] : [setUp(names.port)]),
          ...correctGsoSizes(plan, port),
          ...correctGsoSizes(plan, bridge),
        ]);
        return;
      }
      route.send([
        ...(sink.isUp ? [] : [setUp(names.sink)]),
        ...(port === undefined ? [] : [removeLink(names.port)]),
        addMacvlan(names.port, {
          parentIndex: sink.index,
          mode: "bridge",
          macAddress: bridge.macAddress,
          mtu: plan.mtu,
        }),
        // KERNEL: one that is born larger is refused.
        setGsoSizes(names.port, wantedGsoSizes(plan, sink)),
        setAlias(names.port, bridgeAliasOf(this.#host.names, plan.id)),
        setNoLinkLocal(names.port),
        setMaster(names.port, bridge.index),
        portOf(plan, names.port),
        ...correctGsoSizes(plan, withNextPort(bridge)),
      ]);
    } catch (thrown) {
      if (found === undefined) route.send([removeLink(names.sink)]);
      throw thrown;
    }
  }

  #makeSink(plan: NetworkPlan): Link {
    const { route } = this.#host;
    if (!hasBypass(route))
      throw new Failure("unsupported", "this kernel has no interfaces of the kind macvlan");
    const name = bypassNamesOf(plan.id).sink;
    const rest: readonly NetlinkRequest[] = [
      setAlias(name, bridgeAliasOf(this.#host.names, plan.id)),
      setNoLinkLocal(name),
      setMtu(name, plan.mtu),
    ];
    try {
      route.send([addSink(name, "dummy"), ...rest]);
    } catch (thrown) {
      if (!(thrown instanceof NetlinkFailure && thrown.code === "EOPNOTSUPP")) throw thrown;
      route.send([addSink(name, "bridge"), ...rest]);
    }
    return required(findLink(route, name));
  }
}

/** KERNEL: macvlan gives a port only what is for its own address. */
export function isRightPort(port: Link, bridge: Link): boolean {
  return port.macAddress === bridge.macAddress && port.master === bridge.index;
}
