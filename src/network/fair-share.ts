/**
 * A bound that containers share: one may have as many as are still free. So a single one gets half of all, n of them
 * that want more get 1/(n+1) each, and as much is free for the next one.
 */
export class FairShare {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** One more for a container that has `own` of them; false when it may not have it. Undone by release(). */
  take(own: number): boolean {
    if (own >= this.#most - this.#taken) return false;
    this.#taken++;
    return true;
  }

  release(): void {
    this.#taken--;
  }
}
