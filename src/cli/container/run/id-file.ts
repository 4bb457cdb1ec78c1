import { sentenceOf } from "../../../base/failure.ts";
import { fileSystem, paths } from "../../builtin-modules.ts";
import { optionFailure } from "../../flags/flag.ts";

export interface IdFile extends Disposable {
  write(id: string): void;
}

/**
 * Refuses a file that is there; makes it at once, and removes it again when no id was written. Throws optionFailure().
 */
export function openIdFile(
  name: string,
  { what, cwd }: { readonly what: "container" | "pod"; readonly cwd: string },
): IdFile {
  if (name === "") return { write: () => {}, [Symbol.dispose]: () => {} };
  const { existsSync, rmSync, writeFileSync } = fileSystem();
  const path = paths().resolve(cwd, name);
  if (existsSync(path)) {
    throw optionFailure(`${what} ID file found, make sure the other ${what} isn't running or delete ${name}`);
  }
  try {
    writeFileSync(path, "", { flag: "wx", mode: 0o644 });
  } catch (thrown) {
    throw optionFailure(`cannot create the ${what} ID file ${name}: ${sentenceOf(thrown)}`);
  }
  let isWritten = false;
  return {
    write: (id) => {
      writeFileSync(path, id);
      isWritten = true;
    },
    [Symbol.dispose]: () => {
      if (!isWritten) rmSync(path, { force: true });
    },
  };
}
