import { codeOf, Failure } from "../../../../base/failure.ts";
import { fileSystem, paths } from "../../../builtin-modules.ts";
import { optionFailure } from "../../../flags/flag.ts";

const limitBytes = 1024 * 1024;

/**
 * The entries of a file of `NAME=value` lines (`--env-file`, `--label-file`): empty lines and those that begin
 * with # are left out, white space before a name is too. `NAME` alone takes what `env` has, or is left out.
 */
export function readKeyValueFile(
  path: string,
  {
    cwd,
    env,
  }: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> | undefined },
): readonly string[] {
  return parseKeyValues(readFile(path, cwd), path, env);
}

/** The text of a file given in an option. Throws optionFailure(). */
export function readFile(path: string, cwd: string): Buffer {
  try {
    const bytes = fileSystem().readFileSync(paths().resolve(cwd, path));
    if (bytes.length <= limitBytes) return bytes;
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "no such file or directory",
      EACCES: "permission denied",
      EISDIR: "is a directory",
    };
    throw optionFailure(`open ${path}: ${reasons[code] ?? code}`);
  }
  throw optionFailure(`open ${path}: file is larger than ${limitBytes} bytes`);
}

/** See readKeyValueFile(). */
export function parseKeyValues(
  bytes: Uint8Array,
  path: string,
  env?: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Failure("invalid", `env file ${path} contains invalid utf8 bytes`, {
      cause,
      details: { exitStatus: 125, see: true, prefix: true },
    });
  }
  return text.split("\n").flatMap((raw) => {
    const line = raw.replace(/\r$/, "").replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) return [];
    const at = line.indexOf("=");
    const name = at === -1 ? line : line.slice(0, at);
    if (name === "") throw optionFailure(`no variable name on line '${line}'`);
    if (/[ \t]/.test(name)) throw optionFailure(`variable '${name}' contains whitespaces`);
    if (at !== -1) return [line];
    const value = env?.[name];
    if (env === undefined) return [name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
}
