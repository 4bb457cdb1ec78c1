import type { ProxyReport, ProxyStart } from "./checking-proxy-worker.ts";

/**
 * A socket in front of a daemon's for the clients of others: replies that pass are compared with the API's reference.
 * It is a thread, because tests wait for clients without a turn of their event loop.
 */
export class CheckingProxy implements AsyncDisposable {
  readonly socket: string;
  readonly #worker: Worker;

  /** It listens when this returns. */
  constructor({ socket, target }: Pick<ProxyStart, "socket" | "target">) {
    this.socket = socket;
    this.#worker = new Worker(new URL("checking-proxy-worker.ts", import.meta.url).href);
    const ready = new SharedArrayBuffer(4);
    this.#worker.postMessage({ socket, target, ready } satisfies ProxyStart, []);
    if (Atomics.wait(new Int32Array(ready), 0, 0, 30_000) === "timed-out")
      throw new Error(`cannot listen at ${socket}`);
  }

  /** What differed so far, and how many replies were compared. Connections that are open count as ended. */
  async report(): Promise<ProxyReport> {
    const { promise, resolve } = Promise.withResolvers<ProxyReport>();
    this.#worker.addEventListener("message", ({ data }: MessageEvent<ProxyReport>) => resolve(data));
    this.#worker.postMessage("report", []);
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
