import { readFile } from "node:fs/promises";
import { within } from "../../base/failure.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";
import { findReference, formatReference, withDefaultTag } from "../../spec/reference.ts";

const helloReference = "docker.io/library/hello:latest";

/** True when the text names the image that every engine brings along. */
export function isEmbeddedReference(text: string): boolean {
  const reference = findReference(text);
  return reference !== undefined && formatReference(withDefaultTag(reference)) === helloReference;
}

export const embeddedImage = {
  reference: "hello:latest",
  changes: ['CMD ["/hello"]', "LABEL tare.embedded=true"],
  message: "Shows what a container sees of its own isolation",
} as const;

/** The root file system of `hello` as tar: one program. The same program gives the same bytes. */
export async function* helloRootfs(programPath: string): AsyncGenerator<Uint8Array, void> {
  let program: Uint8Array;
  try {
    program = await readFile(programPath);
  } catch (thrown) {
    throw within(`cannot read the program of the embedded image "${embeddedImage.reference}"`, thrown);
  }
  yield encodeTarMember({ path: "hello", type: "file", mode: 0o755, size: program.length });
  yield program;
  yield new Uint8Array(tarPadding(program.length));
  yield encodeTarEnd();
}
