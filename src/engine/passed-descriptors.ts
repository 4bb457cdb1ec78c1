import { required } from "../base/required.ts";
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { DescriptorSocket } from "../linux/sockets/descriptor-packet.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import type { DescriptorOffer, DescriptorOptions } from "../model/descriptors.ts";
import { checkTargets, resolvePreserved } from "./resolve/preserved-fds.ts";

const OFFER_MS = 30_000;
const MOST_OFFERS = 64;

/** Number in the program → descriptor of this process. */
export interface TakenDescriptors extends Disposable {
  readonly fds: ReadonlyMap<number, Fd>;
}

interface Offer {
  readonly socket: DescriptorSocket;
  readonly targets: readonly number[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Descriptors that other processes pass to programs, each by a socket of its own in the run root and a token that
 * counts once.
 */
export class PassedDescriptors implements Disposable {
  readonly #runRoot: string;
  readonly #offers = new Map<string, Offer>();

  constructor(runRoot: string) {
    this.#runRoot = runRoot;
  }

  /** `targets`: the numbers that they are to have. Throws "exhausted" while too many are open. */
  offer(targets: readonly number[]): DescriptorOffer {
    checkTargets(targets);
    if (targets.length === 0) throw new Failure("invalid", "cannot take no descriptors");
    if (this.#offers.size >= MOST_OFFERS)
      throw new Failure("exhausted", "cannot take descriptors: too many callers are about to send some");
    const path = join(this.#runRoot, `fds-${randomBytes(6).toString("hex")}.sock`);
    const token = randomBytes(32).toString("hex");
    const socket = new DescriptorSocket(path);
    const timer = setTimeout(() => this.#drop(token), OFFER_MS);
    timer.unref();
    this.#offers.set(token, { socket, targets, timer });
    return { socket: path, token };
  }

  /** The descriptors for a start or exec; the token is void from here on, whatever the outcome. */
  take({ preserveFds, descriptors }: DescriptorOptions): TakenDescriptors {
    if (descriptors === undefined)
      return { fds: resolvePreserved(preserveFds), [Symbol.dispose]: () => undefined };
    const offer = this.#offers.get(descriptors);
    if (offer === undefined) {
      throw new Failure(
        "invalid",
        "cannot take the caller's descriptors: their token is none, was used, or is too old",
      );
    }
    this.#offers.delete(descriptors);
    clearTimeout(offer.timer);
    using _ = offer.socket;
    const taken = offer.socket.take({ text: descriptors, count: offer.targets.length });
    const held = new DisposableStack();
    for (const fd of taken) held.use(fd);
    return {
      fds: new Map(offer.targets.map((target, i) => [target, required(taken[i]).fd])),
      [Symbol.dispose]: () => held.dispose(),
    };
  }

  #drop(token: string): void {
    const offer = this.#offers.get(token);
    this.#offers.delete(token);
    clearTimeout(offer?.timer);
    offer?.socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const token of this.#offers.keys()) this.#drop(token);
  }
}

/** Removes leftovers of an engine that was killed. */
export function openPassedDescriptors(runRoot: string): PassedDescriptors {
  for (const name of readdirSync(runRoot))
    if (/^fds-[0-9a-f]{12}\.sock$/.test(name)) rmSync(join(runRoot, name), { force: true });
  return new PassedDescriptors(runRoot);
}
