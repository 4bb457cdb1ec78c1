import { Failure } from "../../base/failure.ts";

type Part =
  | "magic"
  | "skippable-size"
  | "descriptor"
  | "header-rest"
  | "block-header"
  | "content"
  | "checksum";

/**
 * Passes the chunks on and follows their zstd frames by the lengths in their headers: throws "corrupt" when the last
 * one is cut off or something else follows, neither of which node:zlib notices.
 * SPEC: RFC 8878, section 3.1
 */
export async function* wholeZstdFrames(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new FrameFollower();
  for await (const chunk of chunks) {
    frames.push(chunk);
    yield chunk;
  }
  if (!frames.isBetween) throw new Failure("corrupt", "cannot decompress zstd: it ends in the middle");
}

class FrameFollower {
  #part: Part = "magic";
  /** Little-endian value of the field being read, and how many of its bytes came. */
  #value = 0;
  #read = 0;
  #wanted = 4;
  #hasChecksum = false;
  #isLast = false;

  get isBetween(): boolean {
    return this.#part === "magic" && this.#read === 0;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(this.#wanted - this.#read, chunk.length - at);
      if (this.#part !== "content" && this.#part !== "header-rest") {
        for (let index = 0; index < taken; index++) {
          this.#value += (chunk[at + index] ?? 0) * 2 ** (8 * (this.#read + index));
        }
      }
      at += taken;
      this.#read += taken;
      while (this.#read === this.#wanted) this.#next();
    }
  }

  /** The field is complete: decides on the one that follows (of length 0 it is complete again). */
  #next(): void {
    const value = this.#value;
    switch (this.#part) {
      case "magic":
        if (value >= 0x184d2a50 && value <= 0x184d2a5f) return this.#expect("skippable-size", 4);
        if (value !== 0xfd2fb528)
          throw new Failure("corrupt", "cannot decompress zstd: something else follows it");
        return this.#expect("descriptor", 1);
      case "skippable-size":
        this.#isLast = true;
        this.#hasChecksum = false;
        return this.#expect("content", value);
      case "descriptor": {
        const isSingle = (value & 0x20) !== 0;
        const dictionaryBytes = [0, 1, 2, 4][value & 3] ?? 0;
        const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][value >> 6] ?? 0;
        this.#hasChecksum = (value & 4) !== 0;
        return this.#expect("header-rest", (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes);
      }
      case "header-rest":
        return this.#expect("block-header", 3);
      case "block-header": {
        const type = (value >> 1) & 3;
        if (type === 3)
          throw new Failure("corrupt", "cannot decompress zstd: it has a block of an unknown type");
        this.#isLast = (value & 1) !== 0;
        return this.#expect("content", type === 1 ? 1 : value >> 3);
      }
      case "content":
        if (!this.#isLast) return this.#expect("block-header", 3);
        return this.#hasChecksum ? this.#expect("checksum", 4) : this.#expect("magic", 4);
      case "checksum":
        return this.#expect("magic", 4);
      default:
        this.#part satisfies never;
    }
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#wanted = bytes;
    this.#value = 0;
    this.#read = 0;
  }
}
