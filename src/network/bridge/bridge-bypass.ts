import { Failure, sentenceOf } from "../../base/failure.ts";
import { BpfHashMap } from "../../linux/bpf-map.ts";
import { loadProgram } from "../../linux/bpf-program.ts";
import type { OwnedFd } from "../../linux/fd.ts";
import { encodeMacAddress, type Link } from "../../linux/links.ts";
import type { NetlinkSocket } from "../../linux/netlink-socket.ts";
import { listIngressPrograms, removeIngressProgram, setIngressProgram } from "../../linux/traffic-control.ts";
import type { EndpointId, EndpointPlan, NetworkId, NetworkPlan } from "../types.ts";
import { encodeRedirect, hasRedirect, macBytes, redirectLicense } from "./redirect-program.ts";

const programName = "tare-bypass";

/** KERNEL: BR_MAX_PORTS, as many as a bridge can have. */
const MOST_PORTS = 1024;

/**
 * The way between containers of a network that leaves out its bridge: a program at the host's end of each pair hands what is for a
 * sibling to the sibling. It lives in the kernel as long as the pairs do; each engine makes it anew for those that it finds.
 */
export class BridgeBypass implements Disposable {
  readonly #route: NetlinkSocket;
  readonly #note: (sentence: string) => void;
  readonly #networks = new Map<NetworkId, Redirection>();
  readonly #ports = new Map<
    EndpointId,
    { readonly networkId: NetworkId; readonly key: Uint8Array; readonly index: number }
  >();
  /** What kept a network on its bridge, said once. */
  readonly #said = new Set<NetworkId>();
  #hasRedirect: boolean | undefined;

  constructor({ route, note }: { readonly route: NetlinkSocket; readonly note: (sentence: string) => void }) {
    this.#route = route;
    this.#note = note;
  }

  /** Of a network that bypasses its bridge: from here and to here. A kernel that can't is told of; the bridge carries it all then. */
  add(plan: NetworkPlan, { endpoint, port }: { readonly endpoint: EndpointPlan; readonly port: Link }): void {
    try {
      const redirection = this.#of(plan);
      this.#route.send(setIngressProgram(port.index, { program: redirection.program.fd, name: programName }));
      const key = encodeMacAddress(endpoint.macAddress);
      redirection.map.set(key, port.index);
      this.#ports.set(endpoint.id, { networkId: plan.id, key, index: port.index });
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      if (this.#said.has(plan.id)) return;
      this.#said.add(plan.id);
      this.#note(`packets between containers of ${plan.name} go through its bridge: ${sentenceOf(thrown)}`);
    }
  }

  /** Nothing goes to it past the bridge any more. Fine when nothing did. */
  remove(id: EndpointId): void {
    const known = this.#ports.get(id);
    if (known === undefined) return;
    this.#ports.delete(id);
    const map = this.#networks.get(known.networkId)?.map;
    // Who came after it may have its address.
    if (map?.get(known.key) === known.index) map.delete(known.key);
  }

  /** Of a network that is gone. */
  forget(id: NetworkId): void {
    this.#networks.get(id)?.[Symbol.dispose]();
    this.#networks.delete(id);
    this.#said.delete(id);
  }

  /** Whether what the endpoint sends is looked at, and what is sent to it finds it; also where the kernel has no way, which was said. */
  isComplete(endpoint: EndpointPlan, port: Link): boolean {
    this.#hasRedirect ??= hasRedirect();
    if (!this.#hasRedirect) return true;
    const map = this.#networks.get(endpoint.networkId)?.map;
    return (
      map?.get(encodeMacAddress(endpoint.macAddress)) === port.index &&
      listIngressPrograms(this.#route, port.index).includes(programName)
    );
  }

  /** Of an endpoint of a network that is no longer one of those. */
  withdraw(port: Link): void {
    if (listIngressPrograms(this.#route, port.index).includes(programName)) {
      this.#route.send([removeIngressProgram(port.index)]);
    }
  }

  /** Nothing is known any more; what pairs have goes on as it is. */
  [Symbol.dispose](): void {
    for (const redirection of this.#networks.values()) redirection[Symbol.dispose]();
    this.#networks.clear();
    this.#ports.clear();
  }

  #of(plan: NetworkPlan): Redirection {
    const known = this.#networks.get(plan.id);
    if (known !== undefined) return known;
    const made = new Redirection();
    this.#networks.set(plan.id, made);
    return made;
  }
}

/** One network's program and the map that it looks in. */
class Redirection implements Disposable {
  readonly map: BpfHashMap;
  readonly program: OwnedFd;

  constructor() {
    if (!hasRedirect()) throw new Failure("unsupported", "it takes bpf_redirect_peer() of Linux 5.10");
    using making = new DisposableStack();
    this.map = making.use(new BpfHashMap({ keyBytes: macBytes, maxEntries: MOST_PORTS }));
    this.program = loadProgram("traffic-control", encodeRedirect(this.map.fd), { license: redirectLicense });
    making.move();
  }

  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
    this.map[Symbol.dispose]();
  }
}
