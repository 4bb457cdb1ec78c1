import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { within } from "../../base/failure.ts";
import { findReference, formatReference, withDefaultTag } from "../../spec/reference.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";

/** The image of a container that holds a pod's namespaces. */
export const infraImage = "localhost/tare-pause:latest";

interface Embedded {
  readonly reference: string;
  readonly message: string;
  readonly command: readonly string[];
  /** True: whatever else has its name loses it. False: an image of the user's own keeps it. */
  readonly isInternal: boolean;
}

/** By whole reference; all are made of one program. */
const embeddedImages: Readonly<Record<string, Embedded>> = {
  "docker.io/library/hello:latest": {
    reference: "hello:latest",
    message: "Shows what a container sees of its own isolation",
    command: ["/hello"],
    isInternal: false,
  },
  [infraImage]: {
    reference: infraImage,
    message: "Holds the namespaces of a pod",
    command: ["/hello", "--pause"],
    isInternal: true,
  },
};

/** Its value is the program's version: a newer engine replaces the image of an older one. */
const label = "tare.embedded";

/** The image that the text names, when every engine brings it along. */
export function findEmbedded(text: string): Embedded | undefined {
  const reference = findReference(text);
  if (reference === undefined) return undefined;
  const whole = formatReference(withDefaultTag(reference));
  return Object.hasOwn(embeddedImages, whole) ? embeddedImages[whole] : undefined;
}

/** The program that the embedded images are made of. */
export class EmbeddedProgram {
  readonly #program: Uint8Array;
  readonly #hash: string;

  private constructor(program: Uint8Array) {
    this.#program = program;
    this.#hash = createHash("sha256").update(program).digest("hex").slice(0, 16);
  }

  static async read(programPath: string): Promise<EmbeddedProgram> {
    try {
      return new EmbeddedProgram(await readFile(programPath));
    } catch (thrown) {
      throw within("cannot read the program of the embedded images", thrown);
    }
  }

  /** Dockerfile instructions that make the image's configuration. */
  changesOf({ command }: Embedded): readonly string[] {
    return [`CMD ${JSON.stringify(command)}`, `LABEL ${label}=${this.#hash}`];
  }

  /** Whether an image is one of ours, made of this program ("same") or of another engine's ("older"). */
  ageOf(labels: Readonly<Record<string, string>>): "same" | "older" | "foreign" {
    if (labels[label] === undefined) return "foreign";
    return labels[label] === this.#hash ? "same" : "older";
  }

  /** The root file system as tar. */
  async *rootfs(): AsyncGenerator<Uint8Array, void> {
    yield encodeTarMember({ path: "hello", type: "file", mode: 0o755, size: this.#program.length });
    yield this.#program;
    yield new Uint8Array(tarPadding(this.#program.length));
    yield encodeTarEnd();
  }
}
