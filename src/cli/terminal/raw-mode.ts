import type { InputStream } from "../context.ts";

/** Gives every key to the container as it is typed, until disposed. Does nothing where there is no terminal. */
export function enterRawMode(stdin: InputStream): Disposable {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) return { [Symbol.dispose]: () => {} };
  stdin.setRawMode(true);
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
