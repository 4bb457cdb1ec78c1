import { required } from "../../base/required.ts";
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { Buffer } from "node:buffer";
import { codeOf, Failure } from "../../base/failure.ts";
import { encodeBytes } from "../../spec/byte-text.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * The directory that an archive is unpacked into, and the most recently used ones below it, held open. SAFETY: each is
 * opened by one name from its parent without following links, so no path in an archive leads out of it.
 */
export class HostDirectories implements Disposable {
  readonly #stack: { readonly name: string; readonly fd: number }[] = [];

  /** The top's own path is the user's: links in it are followed. */
  constructor(path: string) {
    this.#stack.push({ name: "", fd: openSync(path, O_RDONLY | O_DIRECTORY) });
  }

  /**
   * Returns the path of `name` in the directory with these path components, and creates missing directories. Valid
   * until the next call.
   */
  at(parts: readonly string[], name: string): Buffer {
    return childPath(this.open(parts), name);
  }

  open(parts: readonly string[]): number {
    let level = 0;
    while (level < parts.length && this.#stack[level + 1]?.name === parts[level]) level++;
    this.#close(level + 1);
    for (const name of parts.slice(level)) {
      const path = childPath(this.#top(), name);
      this.#stack.push({ name, fd: openOrMake(path) });
    }
    return this.#top();
  }

  [Symbol.dispose](): void {
    this.#close(0);
  }

  #top(): number {
    return required(this.#stack.at(-1)).fd;
  }

  #close(keep: number): void {
    for (const { fd } of this.#stack.splice(keep)) closeSync(fd);
  }
}

function childPath(fd: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), encodeBytes(name)]);
}

function openOrMake(path: Buffer): number {
  try {
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    mkdirSync(path, 0o755);
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
}

/** Splits a member name of an archive into path components. Throws "invalid" for "..". */
export function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new Failure("invalid", `cannot unpack ${JSON.stringify(path)}: it has ".." in it`);
  return parts;
}
