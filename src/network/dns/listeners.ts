import { Failure, within } from "../../base/failure.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { listenOn, openInetSocket, reuseAddress, tryBind } from "../../linux/sockets/inet-socket.ts";
import { hasNfTables } from "../../linux/nftables/support.ts";
import { ensurePortRedirect } from "../../linux/netlink/port-redirect.ts";
import { inNetworkNamespace } from "../../linux/namespaces/network-namespace.ts";
import { parseIpAddress } from "../../spec/ip-address.ts";

const address = parseIpAddress("127.0.0.11");
const dnsPort = 53;
/** Where we listen: no service has these ports, and no program is given one of them by the kernel. */
const ownPorts = Array.from({ length: 16 }, (_, at) => 1011 - at);
const backlog = 64;
const table = "tare-names";

export interface Listeners extends Disposable {
  readonly udp: OwnedFd;
  readonly tcp: OwnedFd;
}

/**
 * Listens for a container in its network namespace. Port 53 itself stays free for a name server of the container's own:
 * what is sent to 127.0.0.11 there is led to the port that we have. The same port each time, as long as it is free:
 * connections that are known there find it again after a restart of the engine.
 */
export function openListeners(netns: Fd): Listeners {
  try {
    return inNetworkNamespace(netns, () => {
      using opened = new DisposableStack();
      const { udp, tcp } = bindAndRedirect(opened);
      listenOn(tcp.fd, { backlog });
      const held = opened.move();
      return { udp, tcp, [Symbol.dispose]: () => held.dispose() };
    });
  } catch (thrown) {
    throw within("cannot answer the container's questions for names", thrown);
  }
}

interface Bound {
  readonly udp: OwnedFd;
  readonly tcp: OwnedFd;
  readonly port: number;
}

/**
 * On a kernel without nf_tables port 53 itself is taken: a name server of the container's own can't have all addresses
 * then.
 */
function bindAndRedirect(opened: DisposableStack): Bound {
  const bound = bindBoth(opened, ownPorts);
  try {
    ensurePortRedirect(table, { address, port: dnsPort, toPort: bound.port });
    return bound;
  } catch (thrown) {
    if (hasNfTables()) throw thrown;
    return bindBoth(opened, [dnsPort]);
  }
}

function bindBoth(opened: DisposableStack, ports: readonly number[]): Bound {
  for (const port of ports) {
    using tried = new DisposableStack();
    const udp = tried.use(openInetSocket(4, "udp"));
    const tcp = tried.use(openInetSocket(4, "tcp"));
    reuseAddress(tcp.fd);
    if (!tryBind(udp.fd, { address, port }) || !tryBind(tcp.fd, { address, port })) continue;
    const held = tried.move();
    opened.defer(() => held.dispose());
    return { udp, tcp, port };
  }
  throw new Failure("unavailable", `none of the ports ${ports.at(-1)} to ${ports[0]} is free in it`);
}
