import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { within } from "../../base/failure.ts";
import { findReference, formatReference, withDefaultTag } from "../../spec/reference.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";

const wholeReference = "docker.io/library/hello:latest";
/** Its value tells the program's version: a newer engine replaces the image of an older one. */
const label = "tare.embedded";

/** True when the text names the image that every engine brings along. */
export function isEmbeddedReference(text: string): boolean {
  const reference = findReference(text);
  return reference !== undefined && formatReference(withDefaultTag(reference)) === wholeReference;
}

/** The image `hello`: one program. */
export class EmbeddedImage {
  readonly reference: string = "hello:latest";
  readonly message: string = "Shows what a container sees of its own isolation";
  readonly changes: readonly string[];
  readonly #program: Uint8Array;
  readonly #hash: string;

  private constructor(program: Uint8Array) {
    this.#program = program;
    this.#hash = createHash("sha256").update(program).digest("hex").slice(0, 16);
    this.changes = ['CMD ["/hello"]', `LABEL ${label}=${this.#hash}`];
  }

  static async read(programPath: string): Promise<EmbeddedImage> {
    try {
      return new EmbeddedImage(await readFile(programPath));
    } catch (thrown) {
      throw within('cannot read the program of the embedded image "hello"', thrown);
    }
  }

  /** Made of another program by another engine; an image of the user's own under this name is not. */
  isOlder(labels: Readonly<Record<string, string>>): boolean {
    return labels[label] !== undefined && labels[label] !== this.#hash;
  }

  /** The root file system as tar. */
  async *rootfs(): AsyncGenerator<Uint8Array, void> {
    yield encodeTarMember({ path: "hello", type: "file", mode: 0o755, size: this.#program.length });
    yield this.#program;
    yield new Uint8Array(tarPadding(this.#program.length));
    yield encodeTarEnd();
  }
}
