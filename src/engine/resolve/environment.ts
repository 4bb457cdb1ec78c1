import { quote, refuse } from "./refusal.ts";

/** The search path when neither the image nor the caller sets PATH. Docker's value. */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The container's own variables, as Docker keeps them: the caller's, then those of the image that the caller
 * doesn't set. `NAME` alone takes the image's away and stays in the list, for resolveEnvironment().
 */
export function mergeEnvironment(asked: readonly string[], image: readonly string[]): readonly string[] {
  for (const entry of asked) {
    if (entry.startsWith("=") || entry === "" || entry.includes("\0")) {
      throw refuse(`invalid environment variable: ${entry.slice(0, 300)}`);
    }
  }
  const merged = new Map<string, string>();
  for (const entry of asked) merged.set(nameOf(entry), entry); // the last one of a name counts
  for (const entry of image) if (!merged.has(nameOf(entry))) merged.set(nameOf(entry), entry);
  return [...merged.values()];
}

const reference = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/** `NAME=VALUE` with `$NAME` and `${NAME}` of what is there put into the values, each seeing what comes before it. */
export function expandMerges(
  merges: readonly string[] | undefined,
  present: readonly string[],
): readonly string[] {
  const values = new Map(
    present.filter((entry) => entry.includes("=")).map((entry) => [nameOf(entry), entry]),
  );
  return (merges ?? []).map((merge) => {
    const name = nameOf(merge);
    if (name === "" || !merge.includes("="))
      throw refuse(`invalid variable to merge: ${quote(merge)}: want NAME=VALUE`);
    const value = merge
      .slice(name.length + 1)
      .replaceAll(reference, (_, bare: string | undefined, braced: string | undefined) => {
        const wanted = bare ?? braced ?? "";
        return values.get(wanted)?.slice(wanted.length + 1) ?? "";
      });
    values.set(name, `${name}=${value}`);
    return `${name}=${value}`;
  });
}

/** All variables of the process except HOME, in Docker's order: PATH, HOSTNAME, TERM, then the container's own. */
export function resolveEnvironment(
  own: readonly string[],
  {
    hostname,
    terminal,
    isBare = false,
  }: {
    readonly hostname: string;
    readonly terminal: boolean;
    /** Nothing but its own. */
    readonly isBare?: boolean | undefined;
  },
): readonly string[] {
  const defaults: readonly (readonly [string, string])[] = [
    ["PATH", defaultPath],
    ["HOSTNAME", hostname],
    ...(terminal ? [["TERM", "xterm"] as const] : []),
  ];
  const variables = new Map(isBare ? [] : defaults);
  for (const entry of own) {
    const name = nameOf(entry);
    if (entry.includes("=")) variables.set(name, entry.slice(name.length + 1));
    else variables.delete(name);
  }
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** Adds HOME when no option sets it; an empty one is as good as none. SPEC: runc, which takes the user's then. */
export function withHome(env: readonly string[], home: string): readonly string[] {
  if (env.some((entry) => entry.startsWith("HOME=") && entry !== "HOME=")) return env;
  return [...env.filter((entry) => entry !== "HOME="), `HOME=${home}`];
}

function nameOf(entry: string): string {
  const equals = entry.indexOf("=");
  return equals < 0 ? entry : entry.slice(0, equals);
}
