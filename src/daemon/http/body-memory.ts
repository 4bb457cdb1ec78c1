import { Failure } from "../../base/failure.ts";

export interface BodyMemoryLimits {
  /** All bodies together. */
  readonly totalBytes: number;
  /** The memory that bodies of more than `smallBytes` leave for smaller ones. */
  readonly reservedBytes: number;
  readonly smallBytes: number;
}

const mebibyte = 1024 * 1024;

const usualLimits: BodyMemoryLimits = {
  totalBytes: 64 * mebibyte,
  reservedBytes: 16 * mebibyte,
  smallBytes: mebibyte,
};

/** Counts the bytes of the request bodies that are in memory until they are parsed. */
export class BodyMemory {
  readonly #limits: BodyMemoryLimits;
  #usedBytes = 0;

  constructor(limits: BodyMemoryLimits = usualLimits) {
    this.#limits = limits;
  }

  /** The share of one body; the caller disposes it. */
  open(): BodyShare {
    let ownBytes = 0;
    const { totalBytes, reservedBytes, smallBytes } = this.#limits;
    return {
      add: (bytes) => {
        const most = ownBytes + bytes > smallBytes ? totalBytes - reservedBytes : totalBytes;
        if (this.#usedBytes + bytes > most) {
          throw new Failure(
            "unavailable",
            `cannot read the request: the bodies of other requests take ${this.#usedBytes - ownBytes} bytes, all together may take ${most}; try again`,
          );
        }
        ownBytes += bytes;
        this.#usedBytes += bytes;
      },
      [Symbol.dispose]: () => {
        this.#usedBytes -= ownBytes;
        ownBytes = 0;
      },
    };
  }
}

export interface BodyShare extends Disposable {
  /** Throws "unavailable" when all bodies together would be too large. */
  add(bytes: number): void;
}
