import { Failure } from "../../base/failure.ts";
import type { CdiHook } from "../../spec/cdi.ts";
import { cleanPath, isWithin } from "./clean-path.ts";

/** What hooks do in a container's file system, once its mounts and devices are there. */
export interface HookEffects {
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Of directories; those that are missing are left out. */
  readonly modes: readonly { readonly path: string; readonly mode: number }[];
  /** The dynamic linker finds the mounted libraries in them. */
  readonly libraryFolders: readonly string[];
}

/** Hooks of NVIDIA's toolkit that Tare leaves out. */
const needless: ReadonlySet<string> = new Set([
  // Keeps the driver's programs from making device nodes, which the device cgroup makes useless anyway.
  "disable-device-node-modification",
  // Prefers newer libraries of the image to those of the host's driver.
  "enable-cuda-compat",
]);

/**
 * The effects of hooks that Tare applies itself: SPEC: nvidia-cdi-hook, README.md and `--help` of its commands. Throws
 * Failure("unsupported") for all others.
 */
export function resolveHooks(
  hooks: readonly { readonly path: string; readonly hook: CdiHook }[],
): HookEffects {
  const links = new Map<string, string>();
  const modes = new Map<string, number>();
  const folders = new Set<string>();
  for (const { path, hook } of hooks) {
    const [word = "", ...args] = wordsOf(hook);
    if (hook.hookName !== "createContainer" || !apply(word, args)) throw unsupported(path, hook, word);
  }
  function apply(word: string, args: readonly string[]): boolean {
    if (needless.has(word)) return true;
    const flags = parseArguments(args);
    const has = (...known: readonly string[]): boolean =>
      flags?.every(([name]) => known.includes(name)) === true;
    const all = (name: string): readonly string[] =>
      flags?.flatMap(([each, value]) => (each === name ? [value] : [])) ?? [];
    switch (word) {
      case "create-symlinks":
        for (const link of all("link")) {
          const [target = "", at = "", ...rest] = link.split("::");
          if (target === "" || at === "" || rest.length > 0 || target.includes("\0")) return false;
          links.set(checkPlace(at), target);
        }
        return has("link");
      case "chmod":
        for (const path of all("path")) {
          const [mode = "", ...rest] = all("mode");
          if (!/^[0-7]{3,4}$/.test(mode) || rest.length > 0) return false;
          modes.set(checkPlace(path), Number.parseInt(mode, 8));
        }
        return has("mode", "path");
      case "update-ldcache":
        for (const folder of all("folder")) folders.add(checkPlace(folder));
        return has("folder", "ldconfig-path");
      default:
        return false;
    }
  }
  return {
    links: [...links].map(([path, target]) => ({ path, target })),
    modes: [...modes].map(([path, mode]) => ({ path, mode })),
    libraryFolders: [...folders],
  };
}

/** `nvidia-cdi-hook WORD …` and `nvidia-ctk hook WORD …` from the word on; empty for other programs. */
function wordsOf({ path, args }: CdiHook): readonly string[] {
  // SPEC: runtime-spec config.md, POSIX-platform Hooks: the first argument is the name of the program.
  const program = path.slice(path.lastIndexOf("/") + 1);
  if (program === "nvidia-cdi-hook") return args.slice(1);
  return program === "nvidia-ctk" && args[1] === "hook" ? args.slice(2) : [];
}

/** `--name value` and `--name=value`; undefined for anything else. */
function parseArguments(args: readonly string[]): readonly (readonly [string, string])[] | undefined {
  const found: (readonly [string, string])[] = [];
  for (let at = 0; at < args.length; at++) {
    const [, name, value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(args[at] ?? "") ?? [];
    if (name === undefined) return undefined;
    const given = value ?? args[++at];
    if (given === undefined) return undefined;
    found.push([name, given]);
  }
  return found;
}

/** SAFETY: absolute, and nowhere that the kernel's own files are. Links in it are followed in the container's root. */
function checkPlace(path: string): string {
  const clean = cleanPath(path);
  const isSafe =
    path.startsWith("/") &&
    !path.includes("\0") &&
    clean !== "/" &&
    !["/proc", "/sys"].some((each) => isWithin(clean, each));
  if (isSafe) return clean;
  throw new Failure(
    "invalid",
    `cannot use a CDI device: its hook changes ${JSON.stringify(path.slice(0, 200))}`,
  );
}

function unsupported(path: string, hook: CdiHook, word: string): Failure {
  const program = `${hook.path} ${word}`.trim().slice(0, 200);
  return new Failure(
    "unsupported",
    `cannot use the CDI specification "${path}": it has the ${hook.hookName} hook "${program}", and Tare runs no programs as hooks; generate the specification without that hook`,
  );
}
