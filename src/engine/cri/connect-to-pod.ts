import { constants, openSync } from "node:fs";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { poll } from "../../base/deadline.ts";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { OwnedFd } from "../../linux/kernel/fd.ts";
import { inNetworkNamespace } from "../../linux/namespaces/network-namespace.ts";
import {
  beginConnect,
  type InetEndpoint,
  isConnected,
  openInetSocket,
} from "../../linux/sockets/inet-socket.ts";
import { parseIpAddress } from "../../spec/ip-address.ts";

const CONNECT_MS = 10_000;
const loopbacks = ["127.0.0.1", "::1"].map(parseIpAddress);

/**
 * A connection to a port of the loopback interface in the network namespace of a process. `pid` belongs to a process
 * that a keeper holds. Throws "unavailable" when nothing listens there. The caller destroys the stream.
 */
export async function connectToPod(
  pid: number,
  port: number,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Duplex> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Failure("invalid", `cannot connect to port ${port}: want 1 to 65535`);
  using namespace = new OwnedFd(openSync(`/proc/${pid}/ns/net`, constants.O_RDONLY));
  const reasons: string[] = [];
  for (const address of loopbacks) {
    try {
      return await connectTo(namespace, { address, port }, signal);
    } catch (thrown) {
      signal?.throwIfAborted();
      reasons.push(sentenceOf(thrown));
    }
  }
  throw new Failure("unavailable", `cannot connect to port ${port} of the pod: ${reasons.join("; ")}`);
}

async function connectTo(
  namespace: OwnedFd,
  endpoint: InetEndpoint,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  using socket = inNetworkNamespace(namespace.fd, () => openInetSocket(endpoint.address.family, "tcp"));
  beginConnect(socket.fd, endpoint);
  await poll(() => isConnected(socket.fd, endpoint) || undefined, {
    timeoutMs: CONNECT_MS,
    what: "connect",
    signal,
  });
  // Bun takes a connected descriptor so; the port is only for the type.
  const options = Object.assign({ port: endpoint.port, allowHalfOpen: true }, { fd: socket.move() });
  return connect(options);
}
