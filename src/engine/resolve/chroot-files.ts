import { cleanPath } from "./clean-path.ts";
import { quote, refuse } from "./refusal.ts";

/**
 * Clean paths of directories that a command may chroot to. Throws "invalid" for what is no absolute path below the
 * root.
 */
export function checkChroots(directories: readonly string[] = []): readonly string[] {
  return directories.map((directory) => {
    if (!directory.startsWith("/") || directory.includes("\0") || cleanPath(directory) === "/") {
      throw refuse(
        `invalid directory to chroot to: ${quote(directory)}: it must be an absolute path, and not the root`,
      );
    }
    return cleanPath(directory);
  });
}

/** Files by target, and the same files below each of the directories. */
export function withChroots(
  files: Readonly<Record<string, string>>,
  directories: readonly string[] = [],
): Readonly<Record<string, string>> {
  const targets = ["", ...checkChroots(directories)];
  return Object.fromEntries(
    targets.flatMap((directory) =>
      Object.entries(files).map(([target, source]) => [`${directory}${target}`, source] as const),
    ),
  );
}
