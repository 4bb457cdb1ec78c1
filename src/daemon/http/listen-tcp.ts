import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { sentenceOf, Failure } from "../../base/failure.ts";
import { type Listener, type RemoteLimits, usualRemoteLimits } from "./listener.ts";

type TcpListener = Extract<Listener, { readonly kind: "tcp" }>;

/** How long an open connection may be silent before the kernel asks whether its peer is still there. */
const keepAliveMs = 30_000;

/**
 * Accepts connections at a TCP port, with TLS where the listener has a certificate. `onSocket` receives a connection
 * whose handshake is complete. Throws "unavailable" when the port cannot be used. The caller closes the server.
 */
export async function listenTcp(
  { hostname, port, tls }: TcpListener,
  {
    onSocket,
    limits = usualRemoteLimits,
  }: { readonly onSocket: (socket: Socket) => void; readonly limits?: RemoteLimits | undefined },
): Promise<Server> {
  let open = 0;
  const admit = (socket: Socket): boolean => {
    if (open >= limits.connections) {
      socket.destroy();
      return false;
    }
    open++;
    socket.on("error", () => {});
    socket.once("close", () => open--);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    return true;
  };
  let server: Server;
  if (tls === undefined) {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      if (admit(socket)) onSocket(socket);
    });
  } else {
    const secure = createTlsServer({
      cert: tls.cert,
      key: tls.key,
      ca: tls.clientAuthorities,
      requestCert: tls.clientAuthorities !== undefined,
      rejectUnauthorized: tls.clientAuthorities !== undefined,
      minVersion: "TLSv1.2",
      handshakeTimeout: limits.handshakeMs,
      allowHalfOpen: true,
    });
    secure.on("connection", (socket: Socket) => void admit(socket));
    secure.on("secureConnection", (socket) => {
      // SAFETY: with authorities, a connection without a valid certificate of theirs is none.
      if (tls.clientAuthorities !== undefined && !socket.authorized) socket.destroy();
      if (!socket.destroyed) onSocket(socket);
    });
    secure.on("tlsClientError", (_, socket) => socket.destroy());
    server = secure;
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const sentence = `cannot listen on tcp://${hostname}:${port}: ${sentenceOf(cause)}`;
      reject(new Failure("unavailable", sentence, { cause }));
    });
    server.listen({ host: hostname, port }, () => resolve());
  });
  server.removeAllListeners("error");
  server.on("error", () => {});
  return server;
}
