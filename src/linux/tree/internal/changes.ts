import { required } from "../../../base/required.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../constants/open.ts";
import { listDirectory } from "../../files/directory.ts";
import type { Fd } from "../../kernel/fd.ts";
import type { SnapshotChanges } from "../snapshot-changes.ts";
import { type FileTime, findStatAt, type Stat } from "../../files/stat.ts";
import { call, isErrno } from "../../kernel/syscall.ts";
import type { TreeChange } from "../change.ts";
import { Descent } from "./descent.ts";
import { joinPath } from "../entry-path.ts";
import { type Marks, type MarksName, marksOf } from "./marks.ts";
import type { Pace } from "../pace.ts";

interface Level {
  readonly path: string;
  readonly names: string[];
  /** Whether the lower descent stands in the same directory. */
  readonly hasLower: boolean;
  /** The change of this directory itself, not reported yet: it counts only when its content has changed, too. */
  pending: TreeChange | undefined;
}

export interface ComparisonRules {
  readonly ignored: ReadonlySet<string>;
  /** The upper has only what differs, and these marks; "full": all that is there. */
  readonly upper: MarksName | "full";
  /** Everything whose inode was changed later counts as modified, whatever it looks like. */
  readonly since?: FileTime | undefined;
  /** With a full tree that is a snapshot of the lower one: where nothing has to be looked for. */
  readonly known?: SnapshotChanges | undefined;
  readonly pace: Pace;
}

/** All that is not there is gone. */
const ofFullTrees: Pick<Marks, "isOpaque" | "isHidden" | "subjectOf"> = {
  isOpaque: () => true,
  isHidden: () => false,
  subjectOf: (name) => name,
};

/** One run of listUpperChanges() or listTreeChanges(). */
export class Comparison {
  readonly #changes: TreeChange[] = [];
  readonly #rules: ComparisonRules;
  readonly #marks: Pick<Marks, "isOpaque" | "isHidden" | "subjectOf">;
  readonly #levels: Level[] = [];

  constructor(rules: ComparisonRules) {
    this.#rules = rules;
    this.#marks = rules.upper === "full" ? ofFullTrees : marksOf[rules.upper];
  }

  async run(upperRoot: Fd, lowerRoot: Fd): Promise<readonly TreeChange[]> {
    using upper = new Descent(openTop(upperRoot));
    using lower = new Descent(openTop(lowerRoot));
    const names = this.#knownNames(lower.identity, upper.identity) ?? this.#namesIn(upper, lower);
    this.#levels.push({ path: "", names, hasLower: true, pending: undefined });
    for (;;) {
      const level = required(this.#levels.at(-1));
      const name = level.names.pop();
      if (name === undefined) {
        this.#levels.pop();
        if (this.#levels.length === 0) return this.#changes;
        upper.up();
        if (level.hasLower) lower.up();
      } else {
        this.#compare(level, name, { upper, lower });
      }
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  #compare(
    level: Level,
    name: string,
    { upper, lower }: { readonly upper: Descent; readonly lower: Descent },
  ): void {
    const path = joinPath(level.path, name);
    const now = findStatAt(upper.fd, name);
    const before = level.hasLower ? findStatAt(lower.fd, name) : undefined;
    const isHidden = this.#marks.isHidden(upper.fd, name, now);
    if (now === undefined || isHidden) {
      // Without an entry here it was hidden by the directory's opaque mark, or has vanished since it was listed.
      const isGone = isHidden || this.#marks.isOpaque(upper.fd);
      if (before !== undefined && isGone) this.#emit({ path: `/${path}`, kind: "deleted" });
      return;
    }
    const kind = before === undefined ? "added" : "modified";
    const isIgnored = kind === "added" && this.#rules.ignored.has(path);
    if (now.kind !== "directory") {
      if (before !== undefined && !this.#isDifferent(before, now)) return;
      if (!(isIgnored && now.size === 0)) this.#emit({ path: `/${path}`, kind });
      return;
    }
    const change: TreeChange = { path: `/${path}`, kind };
    const isOwnChange = !isIgnored && (before === undefined || this.#isDifferent(before, now));
    if (isOwnChange) this.#emit(change);
    const known = before === undefined ? undefined : this.#knownNames(before, now);
    if (known?.length === 0 || !tryDown(upper, name)) return;
    const hasLower = before?.kind === "directory" && tryDown(lower, name);
    this.#levels.push({
      path,
      names: known ?? this.#namesIn(upper, hasLower ? lower : undefined),
      hasLower,
      pending: isOwnChange ? undefined : change,
    });
  }

  #isDifferent(before: Stat, now: Stat): boolean {
    const { since } = this.#rules;
    return isDifferent(before, now) || (since !== undefined && isLater(now.changed, since));
  }

  /** As #namesIn(), but only those behind which something can have changed; undefined where that is not known. */
  #knownNames(before: Stat, now: Stat): string[] | undefined {
    const { known } = this.#rules;
    // A snapshot's inodes have the numbers of those that they began as.
    if (known === undefined || before.inode !== now.inode || before.kind !== now.kind) return undefined;
    return known.isUntouched(now) ? [...known.namesIn(now)].sort(descending) : undefined;
  }

  /** Last first, for pop(). Where nothing of the lower one shows through, its names count, too: they are gone. */
  #namesIn(upper: Descent, lower: Descent | undefined): string[] {
    const names = new Set<string>();
    for (const { name } of listDirectory(upper.fd)) {
      const subject = this.#marks.subjectOf(name);
      if (subject !== undefined) names.add(subject);
    }
    if (lower !== undefined && this.#marks.isOpaque(upper.fd)) {
      for (const { name } of listDirectory(lower.fd)) names.add(name);
    }
    return [...names].sort(descending);
  }

  /** With the directories above it before it. */
  #emit(change: TreeChange): void {
    for (const level of this.#levels) {
      if (level.pending === undefined) continue;
      this.#changes.push(level.pending);
      level.pending = undefined;
    }
    this.#changes.push(change);
  }
}

function openTop(root: Fd): Fd {
  return call("openat", root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

function isLater(one: FileTime, other: FileTime): boolean {
  return (
    one.seconds > other.seconds || (one.seconds === other.seconds && one.nanoseconds > other.nanoseconds)
  );
}

function descending(one: string, other: string): number {
  return one < other ? 1 : -1;
}

/** Times of directories show only that something in them has changed. */
function isDifferent(before: Stat, now: Stat): boolean {
  if (before.kind !== now.kind || before.permissions !== now.permissions) return true;
  if (before.uid !== now.uid || before.gid !== now.gid) return true;
  if (before.major !== now.major || before.minor !== now.minor) return true;
  if (now.kind === "directory") return false;
  const { seconds, nanoseconds } = before.modified;
  const isSameTime = seconds === now.modified.seconds && nanoseconds === now.modified.nanoseconds;
  return before.size !== now.size || !isSameTime;
}

function tryDown(descent: Descent, name: string): boolean {
  try {
    descent.down(name);
    return true;
  } catch (thrown) {
    // Vanished or replaced since it was looked at.
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) return false;
    throw thrown;
  }
}
