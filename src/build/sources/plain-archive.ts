import { within } from "../../base/failure.ts";
import { readHead, startingWith } from "../../base/stream-head.ts";
import { plainTar } from "../../image/plain-tar.ts";
import { runProgram } from "./ended-program.ts";

/** Memory of the program, whatever the archive asks for. */
const xzMemory = "--memlimit-decompress=1GiB";

const programs = [
  {
    program: "xz",
    packageName: "xz-utils",
    args: ["-dc", xzMemory],
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
  },
  // "BZh", a digit, then the first of a block's mark: a tar may begin with a file that is called "BZh…".
  { program: "bzip2", packageName: "bzip2", args: ["-dc"], magic: [0x42, 0x5a, 0x68, -1, 0x31, 0x41] },
] as const;

/**
 * A tar without its compression, if it has one: gzip or zstd, and bzip2 or xz by the host's programs, which end with the
 * iterator and the signal. Throws "corrupt" or "invalid" for damaged content, "unsupported" where a program is missing.
 */
export async function* plainArchive(
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = archive[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator, headBytes);
    const whole = startingWith(head, iterator);
    const found = programs.find(({ magic }) => magic.every((byte, at) => byte < 0 || head[at] === byte));
    if (found === undefined) return yield* plainTar(whole);
    const { program, packageName, args } = found;
    try {
      yield* runProgram(program, { args, input: whole, packageName, purpose: "unpack an archive", signal });
    } catch (thrown) {
      signal.throwIfAborted();
      throw within("cannot decompress", thrown);
    }
  } finally {
    await iterator.return?.();
  }
}

const headBytes = 6;
