import { openNetlink, type NetlinkSocket } from "../linux/netlink/netlink-socket.ts";
import type { EndpointId } from "../model/ids.ts";

const LOOK_EVERY_MS = 20;
/** The kernel removes most links sooner. A connection that stays open keeps a namespace and its link for minutes. */
const PATIENCE_MS = 1000;

/** A container's link, after its end. */
export interface LeavingLink {
  /** Asked often, with a socket that nothing else uses. */
  readonly isThere: (socket: NetlinkSocket) => boolean;
  /** An interface that the kernel also removes may still exist afterwards. */
  readonly remove: () => Promise<void>;
}

interface Entry {
  readonly link: LeavingLink;
  /** It left, or its removal was tried. */
  since: number;
  readonly gone: Promise<void>;
  readonly resolve: () => void;
}

/**
 * The links of containers that have ended. The kernel removes them with their network namespaces, in the background; a
 * socket that is still open keeps a namespace. Links that stay longer are removed one by one.
 */
export class LeavingLinks implements Disposable {
  readonly #links = new Map<EndpointId, Entry>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isRemoving = false;

  get ids(): ReadonlySet<EndpointId> {
    return new Set(this.#links.keys());
  }

  add(id: EndpointId, link: LeavingLink): void {
    if (this.#links.has(id)) return;
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    this.#links.set(id, { link, since: performance.now(), gone, resolve });
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Resolves when the link is gone. Fine when absent. */
  async gone(id: EndpointId): Promise<void> {
    await this.#links.get(id)?.gone;
  }

  /** As gone(), but the link is removed at once. */
  async expel(id: EndpointId): Promise<void> {
    const entry = this.#links.get(id);
    if (entry === undefined) return;
    await this.#remove(entry);
    this.#forgetGone();
    await entry.gone;
  }

  /** No caller waits any longer. */
  [Symbol.dispose](): void {
    for (const id of this.#links.keys()) this.#forget(id);
  }

  async #look(): Promise<void> {
    try {
      this.#forgetGone();
      if (this.#isRemoving) return;
      this.#isRemoving = true;
      const before = performance.now() - PATIENCE_MS;
      // In the order of their leaving; one at a time, so that starts get their turn between two.
      const late = this.#links.values().find(({ since }) => since < before);
      if (late !== undefined) await this.#remove(late);
    } catch {
      // It is still there, and is tried again.
    } finally {
      this.#isRemoving = false;
    }
  }

  async #remove(entry: Entry): Promise<void> {
    entry.since = performance.now();
    await entry.link.remove();
  }

  #forgetGone(): void {
    using socket = openNetlink("route");
    for (const [id, { link }] of this.#links) if (!link.isThere(socket)) this.#forget(id);
  }

  #forget(id: EndpointId): void {
    this.#links.get(id)?.resolve();
    this.#links.delete(id);
    if (this.#links.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
