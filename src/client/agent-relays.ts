import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { BuildAgentRequest } from "../api/types/build.ts";
import type { ClientSocket } from "./http/socket.ts";

/** Connects to an ssh agent of this host by the id that a build knows it by. Throws "not-found", "unavailable". */
export type OpenAgent = (id: string) => Promise<Duplex>;

/** Agents by the paths of their sockets. */
export function agentsAt(paths: ReadonlyMap<string, string>): OpenAgent {
  return async (id) => {
    const path = paths.get(id);
    if (path === undefined) throw new Failure("not-found", `no SSH key "${id}" forwarded from the client`);
    return await new Promise<Duplex>((resolve, reject) => {
      const socket = createConnection({ path, allowHalfOpen: true });
      socket.once("connect", () => resolve(socket));
      socket.once("error", (cause) =>
        reject(
          new Failure("unavailable", `cannot reach the SSH agent at "${path}": ${sentenceOf(cause)}`, {
            cause,
          }),
        ),
      );
    });
  };
}

/** Connections between a build of a daemon and ssh agents of this host. Disposing of it ends all of them. */
export class AgentRelays implements Disposable {
  readonly #openAgent: OpenAgent;
  readonly #connect: (path: string) => Promise<ClientSocket>;
  readonly #ends = new Set<() => void>();
  #isDisposed = false;

  constructor(openAgent: OpenAgent, connect: (path: string) => Promise<ClientSocket>) {
    this.#openAgent = openAgent;
    this.#connect = connect;
  }

  /** Answers a request of the build. An agent that cannot be reached ends the connection of the step. */
  begin({ Connection, Id }: BuildAgentRequest): void {
    this.#relay(Connection, Id).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const end of this.#ends) end();
  }

  async #relay(connection: string, id: string): Promise<void> {
    const socket = await this.#connect(`/tare/builds/agents/${encodeURIComponent(connection)}`);
    let agent: Duplex | undefined;
    const end = (): void => {
      this.#ends.delete(end);
      socket.destroy();
      agent?.destroy();
    };
    this.#ends.add(end);
    socket.on("error", end);
    socket.on("close", end);
    try {
      if (this.#isDisposed) return;
      agent = await this.#openAgent(id);
      agent.on("error", end);
      const sent = copy(socket, agent);
      sent.catch(() => end());
      await copy(agent, socket);
    } finally {
      end();
    }
  }
}

async function copy(
  from: AsyncIterable<Uint8Array>,
  to: { write(data: Uint8Array, done: () => void): unknown; end(): unknown },
): Promise<void> {
  for await (const piece of from) await new Promise<void>((resolve) => to.write(piece, () => resolve()));
  to.end();
}
