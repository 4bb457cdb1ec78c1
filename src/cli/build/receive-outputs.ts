import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { BuildMessage } from "../../api/types/build.ts";
import { writeArchive } from "../archive.ts";
import { formatPlatform, parsePlatform } from "../../spec/platform.ts";
import type { CliContext } from "../context.ts";
import { writeAll } from "../terminal/write.ts";
import type { BuildOutput } from "./build-output.ts";

export type OutputPiece = NonNullable<BuildMessage["Output"]>;

/** Writes each output where it belongs; they come one after the other, in the order of the list. */
export async function receiveOutputs(
  pieces: AsyncGenerator<OutputPiece, void>,
  outputs: readonly BuildOutput[],
  {
    context,
    isMultiPlatform,
  }: {
    readonly context: CliContext;
    /** Each platform has a directory of its own: `linux_arm64`. */
    readonly isMultiPlatform: boolean;
  },
): Promise<void> {
  const received = new ReceivedPieces(pieces);
  for (const [index, output] of sentOutputs(outputs).entries()) {
    switch (output.kind) {
      case "image":
        break;
      case "local":
        await receiveFiles(resolve(context.cwd, output.directory), { received, index, isMultiPlatform });
        break;
      case "oci-directory":
        await receiveLayout(resolve(context.cwd, output.directory), received, index);
        break;
      case "tar":
      case "docker":
      case "oci":
        if (output.file !== "-") await writeArchive(output.file, received.take({ index }), context);
        else for await (const bytes of received.take({ index })) await writeAll(context.stdout, bytes);
        break;
      default:
        output satisfies never;
    }
  }
  await received.drain();
}

/** The outputs that the daemon is asked for, in the order of their indexes. */
export function sentOutputs(
  outputs: readonly BuildOutput[],
): readonly Exclude<BuildOutput, { kind: "none" }>[] {
  return outputs.filter((output) => output.kind !== "none");
}

/** Pieces by the output that they belong to. */
class ReceivedPieces {
  readonly #pieces: AsyncGenerator<OutputPiece, void>;
  #next: Promise<IteratorResult<OutputPiece, void>> | undefined;

  constructor(pieces: AsyncGenerator<OutputPiece, void>) {
    this.#pieces = pieces;
  }

  /** The next piece without taking it; undefined at the end. */
  async peek(): Promise<OutputPiece | undefined> {
    this.#next ??= this.#pieces.next();
    const { value } = await this.#next;
    return value ?? undefined;
  }

  /** The bytes of an output, or of one platform of it, up to the first piece of another. */
  async *take({
    index,
    platform,
  }: {
    readonly index: number;
    readonly platform?: string;
  }): AsyncGenerator<Uint8Array, void> {
    for (let piece = await this.peek(); piece !== undefined; piece = await this.peek()) {
      if (piece.Index !== index || (platform !== undefined && piece.Platform !== platform)) return;
      this.#next = undefined;
      yield Buffer.from(piece.Data, "base64");
    }
  }

  async drain(): Promise<void> {
    while ((await this.peek()) !== undefined) this.#next = undefined;
  }
}

async function receiveLayout(directory: string, received: ReceivedPieces, index: number): Promise<void> {
  const { unpackToHost } = await import("../copy/unpack-to-host.ts");
  await mkdir(directory, { recursive: true });
  const archive = received.take({ index });
  await unpackToHost(archive, { directory, name: "", keepsOwners: false, keepsNames: true });
}

async function receiveFiles(
  directory: string,
  {
    received,
    index,
    isMultiPlatform,
  }: { readonly received: ReceivedPieces; readonly index: number; readonly isMultiPlatform: boolean },
): Promise<void> {
  const { unpackToHost } = await import("../copy/unpack-to-host.ts");
  for (let piece = await received.peek(); piece?.Index === index; piece = await received.peek()) {
    const platform = piece.Platform;
    // SAFETY: a platform in its own form has no path in it.
    const own = formatPlatform(parsePlatform(platform)).replaceAll("/", "_");
    const into = isMultiPlatform ? join(directory, own) : directory;
    await mkdir(into, { recursive: true });
    const archive = received.take({ index, platform });
    await unpackToHost(archive, { directory: into, name: "", keepsOwners: false, keepsNames: true });
  }
}
