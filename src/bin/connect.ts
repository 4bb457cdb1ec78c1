import { Failure } from "../base/failure.ts";
import { sleep } from "../base/deadline.ts";
import type { Client } from "../client/client.ts";
import { LeanClient } from "../client/lean-client.ts";
import type { GlobalOptions } from "../cli/context.ts";
import type { Address, ClientSocket } from "../client/http/socket.ts";
import { build, findDaemonBuild, isManagedDaemon } from "./build.ts";
import { LightSocket } from "./light-socket.ts";

/**
 * A client of the daemon that the options mean. One that does not run is started where that is ours to do: a unix
 * socket that was not chosen by the environment. A daemon of another build is replaced in place; its containers go on.
 */
export async function connect(options: GlobalOptions): Promise<LeanClient> {
  const ours = options.host.startsWith("unix://") && !["environment", "context"].includes(options.hostFrom);
  const revive = (): Promise<void> => start(options);
  const client = new LeanClient({
    host: options.host,
    tls: options.tls,
    buildId: build.id,
    headers: options.headers,
    connector,
    revive: ours && options.startsDaemon ? revive : undefined,
  });
  try {
    await client.open();
  } catch (thrown) {
    client[Symbol.dispose]();
    const { needsRoot } = await import("./needs-root.ts");
    throw needsRoot(thrown, options);
  }
  const other = ours ? findDaemonBuild(options.host.slice("unix://".length)) : undefined;
  if (other !== undefined) client.expectBuild(other);
  if (other === undefined || other === build.id || !options.startsDaemon) return client;
  if (isManagedDaemon(options.host.slice("unix://".length))) {
    process.stderr.write(
      `tare: the daemon is of build ${other}, this is build ${build.id}; restart the service: systemctl restart tare\n`,
    );
    return client;
  }
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      `tare: the daemon is of build ${other}, this is build ${build.id}; replace it: sudo tare version\n`,
    );
    return client;
  }
  return replaceDaemon(client, options, other);
}

/** With the calls of all other things, which take as long again to load. */
export async function widen(lean: LeanClient): Promise<Client> {
  const { Client } = await import("../client/client.ts");
  return new Client(lean);
}

export async function connector(address: Address): Promise<ClientSocket> {
  if ("path" in address) return await LightSocket.connect(address);
  const { connectByNode } = await import("../client/http/connect-by-node.ts");
  return await connectByNode(address);
}

async function replaceDaemon(client: LeanClient, options: GlobalOptions, other: string): Promise<LeanClient> {
  const { system } = await widen(client);
  // Before the daemon ends: one of this build would refuse the records of a newer one.
  const { DockerRootDir: dataRoot } = await system.info();
  const { requireKnownSchema } = await import("../engine/state/database.ts");
  requireKnownSchema(`${dataRoot}/state.db`);
  process.stderr.write(
    `tare: replacing the daemon of build ${other} by build ${build.id}; containers go on\n`,
  );
  await system.shutdown();
  client[Symbol.dispose]();
  for (let waited = 0; waited < 10_000; waited += 20) {
    using probe = await widen(new LeanClient({ host: options.host }));
    try {
      await probe.system.ping();
    } catch {
      await start(options);
      const next = new LeanClient({ host: options.host, buildId: build.id });
      next.expectBuild(build.id); // it has just been started
      return next;
    }
    await sleep(20);
  }
  throw new Failure("deadline", "cannot replace the daemon: it did not stop within 10 seconds");
}

/** Loaded only when it is needed: most commands find a daemon. */
async function start(options: GlobalOptions): Promise<void> {
  const { startDaemon } = await import("./start-daemon.ts");
  await startDaemon(options);
}
