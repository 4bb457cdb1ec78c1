import type { InputStream } from "../context.ts";

/** Gives every key to the container as it is typed, until disposed. Does nothing where there is no terminal. */
export function enterRawMode(stdin: InputStream): Disposable {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) return { [Symbol.dispose]: () => {} };
  stdin.setRawMode(true);
  if (stdin.fd !== undefined) stopOutputProcessing(stdin.fd);
  const restore = (): void => void stdin.setRawMode?.(false);
  // SAFETY: also when the program ends without disposing (an uncaught error): the shell's terminal must work.
  process.once("exit", restore);
  return {
    [Symbol.dispose]: () => {
      process.off("exit", restore);
      restore();
    },
  };
}

/**
 * Raw mode of Node and Bun still turns each line feed into carriage return and line feed: a full-screen program,
 * whose line feed only moves down, would be drawn wrong. Leaving raw mode puts this back too.
 */
function stopOutputProcessing(fd: number): void {
  // Loaded only for a terminal: it takes longer than all else.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const stdio: [number, "ignore", "ignore"] = [fd, "ignore", "ignore"];
  for (const program of ["/usr/bin/stty", "/bin/stty"]) {
    if (spawnSync(program, ["-opost"], { stdio, env: {} }).error === undefined) return;
  }
}
