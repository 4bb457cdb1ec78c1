import { paths, system } from "../../../builtin-modules.ts";
import { optionFailure } from "../../../flags/flag.ts";

export interface ParsedVolumes {
  /** `SOURCE:TARGET[:OPTIONS]`, SOURCE an absolute path of the host or a volume's name. */
  readonly binds: readonly string[];
  /** Targets of anonymous volumes. */
  readonly anonymous: readonly string[];
}

/** `-v` values as the API takes them. A source that begins with a point is taken from `cwd`. Throws optionFailure(). */
export function parseVolumes(texts: readonly string[], cwd: string): ParsedVolumes {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const text of texts) {
    const parts = text.split(":");
    const [source = "", ...rest] = parts;
    if (text === "") throw optionFailure("invalid empty volume spec");
    if (parts.includes("")) throw optionFailure(`invalid spec: ${text}: empty section between colons`);
    if (parts.length > 3) throw optionFailure(`invalid spec: ${text}: too many colons`);
    if (rest.length === 0) anonymous.push(source);
    else binds.push([hostPath(source, cwd), ...rest].join(":"));
  }
  return { binds, anonymous: [...new Set(anonymous)] };
}

function hostPath(source: string, cwd: string): string {
  if (/^\.{1,2}(?:\/|$)/.test(source)) return paths().resolve(cwd, source);
  return source.startsWith("~/") ? paths().resolve(system().homedir(), source.slice(2)) : source;
}

/** `--tmpfs PATH[:OPTIONS]` values, by path. */
export function parseTmpfs(texts: readonly string[]): Readonly<Record<string, string>> {
  if (texts.length === 0) return {};
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf(":");
      const [path, options] = at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
      if (!path.startsWith("/")) throw optionFailure(`invalid tmpfs path "${path}": it must be absolute`);
      return [path, options];
    }),
  );
}
