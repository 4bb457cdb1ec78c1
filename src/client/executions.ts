import type { ExecInspect } from "../api/types/exec.ts";
import type { Signaled } from "./containers.ts";
import { segment } from "./query.ts";
import type { AttachedConnection, Transport } from "./transport.ts";

/** Calls of `/exec`; ContainersClient.createExec() makes one. */
export class ExecutionsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Starts it with its streams attached. */
  start(
    id: string,
    options: {
      readonly terminal?: boolean | undefined;
      readonly rows?: number | undefined;
      readonly columns?: number | undefined;
      readonly descriptors?: string | undefined;
    } & Signaled = {},
  ): Promise<AttachedConnection> {
    const { terminal = false, rows, columns, descriptors, signal } = options;
    const size = rows === undefined || columns === undefined ? {} : { ConsoleSize: [rows, columns] };
    const json = { Detach: false, Tty: terminal, ...size };
    const path = `/exec/${segment(id)}/start`;
    return this.#transport.attach({ method: "POST", path, query: { descriptors }, json, signal });
  }

  async startDetached(
    id: string,
    {
      terminal = false,
      descriptors,
    }: { readonly terminal?: boolean | undefined; readonly descriptors?: string | undefined } = {},
  ): Promise<void> {
    const json = { Detach: true, Tty: terminal };
    const path = `/exec/${segment(id)}/start`;
    await this.#transport.status({ method: "POST", path, query: { descriptors }, json });
  }

  async resize(id: string, size: { readonly columns: number; readonly rows: number }): Promise<void> {
    const query = { h: size.rows, w: size.columns };
    await this.#transport.status({ method: "POST", path: `/exec/${segment(id)}/resize`, query });
  }

  inspect(id: string): Promise<ExecInspect> {
    return this.#transport.json({ method: "GET", path: `/exec/${segment(id)}/json` });
  }
}
