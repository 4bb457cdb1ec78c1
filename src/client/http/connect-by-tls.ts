import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { type ClientTls, formatHost } from "../host.ts";
import type { ClientSocket } from "./socket.ts";

const handshakeWithinMs = 30_000;

/** A TLS connection whose handshake is complete. Throws Failure("unavailable") with the reason. */
export async function connectByTls({
  host,
  port,
  tls,
}: {
  readonly host: string;
  readonly port: number;
  readonly tls: ClientTls;
}): Promise<ClientSocket> {
  const { verify, authorityFile, certFile, keyFile } = tls;
  const where = formatHost({ kind: "tcp", hostname: host, port });
  // Documented for tls.connect(), and missing in its declared options.
  const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
    host,
    port,
    servername: isIP(host) === 0 ? host : undefined,
    ca: authorityFile === undefined ? undefined : read(authorityFile),
    cert: certFile === undefined ? undefined : read(certFile),
    key: keyFile === undefined ? undefined : read(keyFile),
    rejectUnauthorized: verify,
    minVersion: "TLSv1.2",
    allowHalfOpen: true,
  };
  const socket = connect(options);
  const fail = (cause: unknown): Failure => {
    const sentence = `cannot connect to the daemon at ${where}: ${sentenceOf(cause)}`;
    return new Failure("unavailable", sentence, { cause, details: { host: where } });
  };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(fail(new Error("the TLS handshake takes too long")));
    }, handshakeWithinMs);
    const settle = (cause?: unknown): void => {
      clearTimeout(timer);
      if (cause === undefined) resolve();
      else reject(fail(cause));
    };
    socket.once("secureConnect", () => settle());
    socket.once("error", settle);
    socket.once("close", () => settle(new Error("it closed the connection in the TLS handshake")));
  });
  socket.removeAllListeners("error");
  socket.removeAllListeners("close");
  socket.setNoDelay(true);
  return socket;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Failure("invalid", `cannot read the TLS file: ${sentenceOf(cause)}`, { cause });
  }
}
