import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY } from "./constants/open.ts";
import { OwnedFd } from "./fd.ts";
import { pathArgument } from "./path-argument.ts";
import { call } from "./syscall.ts";

/** Makes the file, or replaces what is in it, in three system calls. `mode` is that of a new one. */
export function writeFile(path: string, text: string, { mode }: { readonly mode: number }): void {
  using file = new OwnedFd(
    call("openat", AT_FDCWD, pathArgument(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode),
  );
  const bytes = Buffer.from(text, "utf8");
  for (let at = 0; at < bytes.length; ) at += call("write", file.fd, bytes.subarray(at), bytes.length - at);
}
