import { Failure } from "../../base/failure.ts";
import { encodeBytes } from "../../spec/byte-text.ts";

const special: RegExp = /[\0\ud800-\udfff]/;

/**
 * A path as a system call takes it. Names that are no UTF-8 (see spec/byte-text.ts) are turned back into
 * their bytes. Throws "invalid" for a name with a NUL byte, which the kernel would cut short.
 */
export function pathArgument(path: string): string | Uint8Array {
  if (!special.test(path)) return path;
  if (path.includes("\0")) {
    throw new Failure("invalid", `cannot use the path ${JSON.stringify(path)}: it has a NUL byte`);
  }
  const bytes = encodeBytes(path);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}
