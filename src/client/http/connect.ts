import { codeOf, Failure } from "../../base/failure.ts";
import { formatHost, type Host, sshCommandOf } from "../host.ts";
import type { ClientSocket, Connector } from "./socket.ts";

// KERNEL: sun_path holds 108 bytes with the closing NUL (unix(7)).
const pathLimitBytes = 107;

/** A connected socket, half-open allowed. Failure("unavailable" or "not-permitted") names the host and what to do. */
export async function connect(host: Host, connector?: Connector): Promise<ClientSocket> {
  try {
    // Loaded only where there is no other: it takes its time.
    const through = connector ?? (await import("./connect-by-node.ts")).connectByNode;
    if (host.kind === "tcp") return await through({ host: host.hostname, port: host.port, tls: host.tls });
    if (host.kind === "ssh") return await through({ command: sshCommandOf(host) });
    if (Buffer.byteLength(host.path) <= pathLimitBytes) return await through({ path: host.path });
    using short = await shorten(host.path);
    return await through({ path: short.path });
  } catch (thrown) {
    throw unavailable(host, thrown);
  }
}

/** A short path to the same, until disposed of. Modules that most commands don't need are loaded here. */
async function shorten(path: string): Promise<Disposable & { readonly path: string }> {
  const { closeSync, constants, openSync } = await import("node:fs");
  const paths = await import("node:path");
  const folder = openSync(paths.dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    path: `/proc/self/fd/${folder}/${paths.basename(path)}`,
    [Symbol.dispose]: () => closeSync(folder),
  };
}

function unavailable(host: Host, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  const where = formatHost(host);
  const code = codeOf(cause) ?? "";
  const details = { host: where, code };
  if (code === "EACCES" || code === "EPERM") {
    const sentence = `cannot connect to the daemon at ${where}: permission denied; run the command as root`;
    return new Failure("not-permitted", sentence, { cause, details });
  }
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "nothing is there",
    ENOTDIR: "nothing is there",
    ECONNREFUSED: "no process listens there",
    FailedToOpenSocket: "no process listens there",
  };
  const reason = reasons[code] ?? (code || (cause instanceof Error ? cause.message : "it failed"));
  const sentence = `cannot connect to the daemon at ${where}: ${reason}; start it with "tare daemon"`;
  return new Failure("unavailable", sentence, { cause, details });
}
