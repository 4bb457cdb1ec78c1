import { basename, join } from "node:path";

/** A line of a shell's configuration that makes `docker` Tare, and the file that it belongs to. */
export interface ShellAlias {
  readonly path: string;
  readonly line: string;
}

const begin = "# tare init docker: begin";
const end = "# tare init docker: end";

/** For the user's shell; undefined for a shell whose configuration is not known. `words`: `["tare"]`. */
export function findShellAlias(
  { SHELL = "", ZDOTDIR = "", XDG_CONFIG_HOME = "", HOME = "" }: Readonly<Record<string, string | undefined>>,
  words: readonly string[],
): ShellAlias | undefined {
  const line = `alias docker='${words.join(" ")}'`;
  switch (basename(SHELL)) {
    case "bash":
      return { path: join(HOME, ".bashrc"), line };
    case "zsh":
      return { path: join(ZDOTDIR || HOME, ".zshrc"), line };
    case "fish":
      return { path: join(XDG_CONFIG_HOME || join(HOME, ".config"), "fish/config.fish"), line };
    default:
      return undefined;
  }
}

/** The file's text with the line in a block of its own; an earlier block is replaced. Pure. */
export function withAlias(text: string, line: string): string {
  const rest = withoutAlias(text);
  return `${rest}${rest === "" || rest.endsWith("\n") ? "" : "\n"}${begin}\n${line}\n${end}\n`;
}

/** Pure. */
export function withoutAlias(text: string): string {
  const from = text.indexOf(`${begin}\n`);
  const to = text.indexOf(`${end}\n`, from);
  return from < 0 || to < 0 ? text : text.slice(0, from) + text.slice(to + end.length + 1);
}
