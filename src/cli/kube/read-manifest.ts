import { Failure, sentenceOf } from "../../base/failure.ts";
import { type Manifest, parseManifest } from "../../spec/kube/manifest.ts";
import { openArchive, readInput } from "../archive.ts";
import type { CliContext } from "../context.ts";

const mostBytes = 16 * 1024 * 1024;

/** The objects of a file, or of standard input for `-`. Failures begin with the file's name. */
export async function readManifest(file: string, context: CliContext): Promise<Manifest> {
  const bytes =
    file === "-"
      ? readInput(context, "the manifest is to come from stdin, which is a terminal: give a file, or pipe it")
      : await openArchive(file, context);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    length += piece.length;
    if (length > mostBytes) throw new Failure("invalid", `${file}: it has more than ${mostBytes} bytes`);
    pieces.push(piece);
  }
  try {
    return parseManifest(Buffer.concat(pieces).toString());
  } catch (thrown) {
    throw withFile(file, thrown);
  }
}

/** A failure about what a file says. */
export function withFile(file: string, thrown: unknown): unknown {
  if (!(thrown instanceof Failure)) return thrown;
  return new Failure(thrown.kind, `${file === "-" ? "stdin" : file}: ${sentenceOf(thrown)}`, {
    cause: thrown,
  });
}
