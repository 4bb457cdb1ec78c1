import { homedir } from "node:os";
import { resolve } from "node:path";
import { laterFailure, optionFailure } from "../flags/flag.ts";

/**
 * `-v` values as the API takes them: `SOURCE:TARGET[:OPTIONS]`, SOURCE an absolute host path. A source that
 * begins with a point is taken from `cwd`. Throws optionFailure(); volumes with and without name come later.
 */
export function planBinds(texts: readonly string[], cwd: string): readonly string[] {
  return texts.map((text) => {
    const parts = text.split(":");
    const [source = "", target, options] = parts;
    if (parts.length > 3 || parts.includes(""))
      throw optionFailure(`invalid spec: ${text}: empty section or too many colons`);
    if (target === undefined) throw laterFailure(`an anonymous volume (--volume ${text})`);
    if (!target.startsWith("/")) {
      throw optionFailure(`invalid spec: ${text}: the path in the container must be absolute`);
    }
    const path = hostPath(source, cwd);
    if (path === undefined) throw laterFailure(`a named volume (--volume ${text})`);
    return [path, target, ...(options === undefined ? [] : [options])].join(":");
  });
}

function hostPath(source: string, cwd: string): string | undefined {
  if (source.startsWith("/")) return source;
  if (/^\.{1,2}(?:\/|$)/.test(source)) return resolve(cwd, source);
  return source.startsWith("~/") ? resolve(homedir(), source.slice(2)) : undefined;
}

/** `--tmpfs PATH[:OPTIONS]` values, by path. */
export function planTmpfs(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf(":");
      const [path, options] = at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
      if (!path.startsWith("/")) throw optionFailure(`invalid tmpfs path "${path}": it must be absolute`);
      return [path, options];
    }),
  );
}
