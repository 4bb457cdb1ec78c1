import { randomUUID } from "node:crypto";
import type { CacheTarget } from "../../api/image/cache-options.ts";
import { Failure } from "../../base/failure.ts";
import type { BuildResult, BuiltImage, BuiltTree } from "../../model/builds.ts";
import { ProgressLog } from "./progress-log.ts";

/** What a client's own front end has returned: a result of the bridge, or nothing. */
export type Returned =
  | {
      readonly kind: "result";
      readonly result: BuildResult | undefined;
      readonly isMultiPlatform: boolean;
      readonly metadata: Readonly<Record<string, Uint8Array>>;
    }
  | { readonly kind: "error"; readonly error: Error };

/** An image that a build holds, with the result that it belongs to. */
export interface HeldImage {
  readonly image: BuiltImage;
  readonly result: BuildResult;
  readonly isMultiPlatform: boolean;
  tree: Promise<BuiltTree> | undefined;
}

/** Results and directories that one build may hold at a time. */
const mostHeld = 256;
/** What the front ends of one build may ask for, one after the other. */
const mostSolves = 1000;

/** One build of a client, from its request to its answer. */
export class BuildJob implements AsyncDisposable {
  readonly ref: string;
  readonly sessionId: string;
  readonly entitlements: readonly string[];
  readonly cacheTargets: readonly CacheTarget[];
  readonly progress: ProgressLog = new ProgressLog();
  readonly startedAtMs: number = Date.now();
  readonly owned: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #abort = new AbortController();
  readonly #returned = Promise.withResolvers<Returned>();
  readonly #held = new Map<string, HeldImage>();
  #solves = 0;

  constructor({
    ref,
    sessionId,
    entitlements,
    cacheTargets,
  }: {
    readonly ref: string;
    readonly sessionId: string;
    readonly entitlements: readonly string[];
    /** Where the cache of the build goes. */
    readonly cacheTargets: readonly CacheTarget[];
  }) {
    this.ref = ref;
    this.sessionId = sessionId;
    this.entitlements = entitlements;
    this.cacheTargets = cacheTargets;
  }

  /** Fires when the build has to end: its client has canceled it, or has gone. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the build when the other signal fires. */
  endWith(signal: AbortSignal): void {
    if (signal.aborted) this.#abort.abort(signal.reason);
    else signal.addEventListener("abort", () => this.#abort.abort(signal.reason), { once: true });
  }

  /** Counts a build that a front end asks for. Throws "exhausted". */
  countSolve(): void {
    if (++this.#solves > mostSolves)
      throw new Failure("exhausted", `cannot build: the front end asks for more than ${mostSolves} builds`);
  }

  /** Keeps a result until the build ends. Gives an id for each of its images. */
  hold(result: BuildResult, { isMultiPlatform }: { readonly isMultiPlatform: boolean }): readonly string[] {
    if (this.#held.size >= mostHeld)
      throw new Failure("exhausted", `cannot hold the result: the build has ${mostHeld} already`);
    this.owned.use(result);
    return result.images.map((image) => {
      const id = `tare-result-${randomUUID()}`;
      this.#held.set(id, { image, result, isMultiPlatform, tree: undefined });
      return id;
    });
  }

  findImage(id: string): HeldImage | undefined {
    return this.#held.get(id);
  }

  /** Uses an image that another build holds, under the same id. */
  borrow(id: string, held: HeldImage): void {
    if (!this.#held.has(id)) this.#held.set(id, { ...held, tree: undefined });
  }

  /** The result of which the images with these ids are; "" is none. Throws "not-found". */
  getResult(
    ids: readonly string[],
  ): { readonly result: BuildResult; readonly isMultiPlatform: boolean } | undefined {
    const [id] = ids.filter((each) => each !== "");
    return id === undefined ? undefined : this.#get(id);
  }

  /** The image with this id. Throws "not-found". */
  getImage(id: string): HeldImage {
    return this.#get(id);
  }

  /** The files of an image; open until the build ends. Throws "not-found". */
  async getTree(id: string): Promise<BuiltTree> {
    const held = this.#get(id);
    held.tree ??= (async () => this.owned.use(await held.image.openTree()))();
    return await held.tree;
  }

  /** The client's front end has ended. */
  return(returned: Returned): void {
    this.#returned.resolve(returned);
  }

  async returned(): Promise<Returned> {
    return await this.whileItGoesOn(this.#returned.promise);
  }

  /** Throws the reason when the build has to end before. */
  async whileItGoesOn<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(this.signal.reason);
    this.signal.addEventListener("abort", abort);
    try {
      this.signal.throwIfAborted();
      return await Promise.race([work, promise]);
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Failure("canceled", "the build has ended"));
    this.#held.clear();
    await this.owned.disposeAsync();
    this.progress.end();
  }

  #get(id: string): HeldImage {
    const found = this.#held.get(id);
    if (found === undefined) throw new Failure("not-found", `no such ref: ${id}`);
    return found;
  }
}
