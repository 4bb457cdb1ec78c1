/** The flags of run that most uses of it do with, as they may be written; the values of those that have one. */
const plainFlags: Readonly<Record<string, "bare" | ((value: string) => boolean)>> = {
  "--detach": "bare",
  "--entrypoint": isAny,
  "--env": isPlainVariable,
  "--hostname": isAny,
  "--interactive": "bare",
  "--name": isAny,
  "--net": isPlainNetwork,
  "--network": isPlainNetwork,
  "--rm": "bare",
  "--user": isAny,
  "--workdir": isAny,
  "-d": "bare",
  "-e": isPlainVariable,
  "-h": isAny,
  "-i": "bare",
  "-u": isAny,
  "-w": isAny,
};

/**
 * Whether a run with these words has none but plain flags, and an image. The command for those (`commands/plain-run.ts`)
 * does the same as the one for all 150, which take 1 ms to load and to plan with.
 */
export function isPlainRun(words: readonly string[]): boolean {
  let networks = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return true;
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = equals === -1 ? word : word.slice(0, equals);
    const kind = Object.hasOwn(plainFlags, name) ? plainFlags[name] : undefined;
    if (kind === undefined || (kind === "bare" && equals !== -1)) return false;
    if (kind === "bare") continue;
    const value = equals === -1 ? words[++at] : word.slice(equals + 1);
    if (value === undefined || !kind(value)) return false;
    if (kind === isPlainNetwork && ++networks > 1) return false;
  }
  return false;
}

function isAny(): boolean {
  return true;
}

/** One that has a value: it is not asked for by its name. */
function isPlainVariable(value: string): boolean {
  return value.indexOf("=") > 0;
}

/** A name, not the long form. */
function isPlainNetwork(value: string): boolean {
  return !value.includes("=") && !value.includes(",") && value.trim() !== "";
}
