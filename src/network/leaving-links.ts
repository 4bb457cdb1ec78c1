import { findLinkIndex } from "../linux/links.ts";
import type { NetlinkSocket } from "../linux/netlink-socket.ts";
import type { EndpointId } from "./types.ts";

const LOOK_EVERY_MS = 20;
/** The kernel removes most links sooner. A connection that nobody ends keeps a namespace, and its link, for minutes. */
const PATIENCE_MS = 1000;

interface LeavingLink {
  readonly name: string;
  readonly since: number;
  readonly gone: Promise<void>;
  readonly resolve: () => void;
}

/**
 * The host's ends of containers that have ended. The kernel removes them with their network namespaces, in the background; a socket that
 * is still open keeps a namespace. Links that stay longer are removed by their names.
 */
export class LeavingLinks implements Disposable {
  readonly #links = new Map<EndpointId, LeavingLink>();
  readonly #remove: (name: string) => Promise<void>;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isRemoving = false;

  constructor(remove: (name: string) => Promise<void>) {
    this.#remove = remove;
  }

  get ids(): ReadonlySet<EndpointId> {
    return new Set(this.#links.keys());
  }

  add(id: EndpointId, { name, route }: { readonly name: string; readonly route: NetlinkSocket }): void {
    if (this.#links.has(id)) return;
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    this.#links.set(id, { name, since: performance.now(), gone, resolve });
    this.#timer ??= setInterval(() => void this.#look(route), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Resolves when the link is gone. Fine when absent. */
  async gone(id: EndpointId): Promise<void> {
    await this.#links.get(id)?.gone;
  }

  /** As gone(), but the link is removed at once. */
  async expel(id: EndpointId): Promise<void> {
    const link = this.#links.get(id);
    if (link === undefined) return;
    await this.#remove(link.name);
    this.#forget(id);
  }

  /** Nobody waits any longer. */
  [Symbol.dispose](): void {
    for (const id of this.#links.keys()) this.#forget(id);
  }

  async #look(route: NetlinkSocket): Promise<void> {
    for (const [id, { name }] of this.#links) if (findLinkIndex(route, name) === undefined) this.#forget(id);
    if (this.#isRemoving) return;
    this.#isRemoving = true;
    try {
      const before = performance.now() - PATIENCE_MS;
      // In the order of their leaving; one at a time, so that starts get their turn between two.
      const late = this.#links.entries().find(([, { since }]) => since < before);
      if (late !== undefined) await this.expel(late[0]);
    } catch {
      // It is still there, and is tried again.
    } finally {
      this.#isRemoving = false;
    }
  }

  #forget(id: EndpointId): void {
    this.#links.get(id)?.resolve();
    this.#links.delete(id);
    if (this.#links.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
