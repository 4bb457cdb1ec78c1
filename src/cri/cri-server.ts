import type { Duplex } from "node:stream";
import { GrpcServer } from "../grpc/server.ts";
import type { Engine } from "../model/engine.ts";
import type { CriEngine } from "../engine/cri-engine.ts";
import { serveContainers } from "./container-handlers.ts";
import type { CriContext } from "./cri-context.ts";
import { serveEvents } from "./event-handlers.ts";
import { serveExecs } from "./exec-handlers.ts";
import { serveImages } from "./image-service.ts";
import { CniNetworks, type CniOptions } from "./cni/cni-networks.ts";
import { CniPodNetwork } from "./cni-pod-network.ts";
import { serveRuntime } from "./runtime-service.ts";
import { removeIncompleteSandboxes, serveSandboxes } from "./sandbox-handlers.ts";
import { serveStats } from "./stats-handlers.ts";
import { StreamingServer } from "./streaming/streaming-server.ts";

/** SAFETY: a kubelet has a few connections; another client with root's rights must not take all descriptors. */
const mostConnections = 256;

export interface CriServerOptions {
  readonly version: string;
  /** Where CNI's files are; without a configuration there, pods are in the engine's own bridge. */
  readonly cni: CniOptions;
}

/** Kubernetes' Container Runtime Interface on connections that clients have opened. */
export class CriServer {
  readonly #server: GrpcServer = new GrpcServer();
  readonly #connections = new Set<Duplex>();

  readonly #streaming: StreamingServer;

  private constructor(context: CriContext) {
    this.#streaming = context.streaming;
    serveRuntime(this.#server, context);
    serveImages(this.#server, context);
    serveSandboxes(this.#server, context);
    serveContainers(this.#server, context);
    serveExecs(this.#server, context);
    serveStats(this.#server, context);
    serveEvents(this.#server, context);
  }

  /** Removes what an earlier daemon has left half-made. */
  static async open(engine: Engine, cri: CriEngine, { version, cni }: CriServerOptions): Promise<CriServer> {
    const streaming = await StreamingServer.open();
    const network = new CniPodNetwork(cri, new CniNetworks(cni));
    const context: CriContext = { engine, cri, network, version, streaming };
    try {
      await removeIncompleteSandboxes(context);
    } catch (thrown) {
      streaming.close();
      throw thrown;
    }
    return new CriServer(context);
  }

  accept(connection: Duplex): void {
    if (this.#connections.size >= mostConnections) {
      connection.destroy();
      return;
    }
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
    this.#server.accept(connection);
  }

  /** Cuts all connections; pods run on. */
  close(): void {
    this.#server.close();
    this.#streaming.close();
    for (const connection of this.#connections) connection.destroy();
  }
}
