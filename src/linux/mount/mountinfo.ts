import { readFileSync } from "node:fs";
import { codeOf, Failure, within } from "../../base/failure.ts";

/** One line of `/proc/PID/mountinfo`, proc_pid_mountinfo(5), with its escapes undone. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** The directory of the file system that is mounted; ends in `//deleted` when it is gone. */
  readonly root: string;
  /** Seen from the process's root. */
  readonly target: string;
  /** Of this mount: `rw`, `nosuid`, … */
  readonly options: readonly string[];
  /** Peer group, when propagation is shared. */
  readonly sharedWith?: number | undefined;
  /** Peer group that it receives from, when it is a slave. */
  readonly slaveOf?: number | undefined;
  readonly unbindable: boolean;
  readonly type: string;
  readonly source: string;
  /** Of the file system, for all of its mounts. */
  readonly superOptions: readonly string[];
}

/** Reads the whole file's text. Fails with "corrupt" on a line that is not of the documented form. */
export function parseMountinfo(text: string): MountEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): MountEntry {
  const words = line.split(" ");
  const separator = words.indexOf("-", 6);
  if (separator < 0 || words.length < separator + 4) {
    throw new Failure("corrupt", `cannot read the mount table: ${JSON.stringify(line.slice(0, 200))}`);
  }
  const word = (index: number): string => unescape(words[index] ?? "");
  const tags = words.slice(6, separator);
  const sharedWith = findTag(tags, "shared:");
  const slaveOf = findTag(tags, "master:");
  return {
    id: Number(words[0]),
    parentId: Number(words[1]),
    device: word(2),
    root: word(3),
    target: word(4),
    options: (words[5] ?? "").split(","),
    sharedWith,
    slaveOf,
    unbindable: tags.includes("unbindable"),
    type: word(separator + 1),
    source: word(separator + 2),
    superOptions: word(separator + 3).split(","),
  };
}

function findTag(tags: readonly string[], prefix: string): number | undefined {
  const tag = tags.find((candidate) => candidate.startsWith(prefix));
  return tag === undefined ? undefined : Number(tag.slice(prefix.length));
}

/** The kernel writes space, tab, line end, backslash and `#` as octal. */
function unescape(word: string): string {
  if (!word.includes("\\")) return word;
  return word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The mount table that a process sees, in the kernel's order (later ones cover earlier ones). */
export function listMounts(pid: number | "self" = "self"): MountEntry[] {
  try {
    return parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
  } catch (cause) {
    const gone = ["ENOENT", "ESRCH"].includes(codeOf(cause) ?? "");
    if (gone)
      throw new Failure("not-found", `cannot list the mounts of process ${pid}: no such process`, { cause });
    throw within(`cannot list the mounts of process ${pid}`, cause);
  }
}
