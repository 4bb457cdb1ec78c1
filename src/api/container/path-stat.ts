import { isRecord } from "../../base/is-record.ts";
import { Failure } from "../../base/failure.ts";
import { findRfc3339, formatRfc3339 } from "../../base/timestamp.ts";

/** The header that describes a path of a container: JSON in base64. */
export const pathStatHeader = "X-Docker-Container-Path-Stat";

type Kind = "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";

export interface ArchivePathStat {
  readonly name: string;
  readonly kind: Kind;
  readonly permissions: number;
  readonly sizeBytes: number;
  readonly modified: { readonly seconds: number; readonly nanoseconds: number };
  readonly linkTarget: string;
}

// SPEC: Go's io/fs.FileMode, which Docker's header carries as a number.
const goKinds: Readonly<Record<Kind, number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  character: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
  socket: 2 ** 24,
};
const goFlags: readonly (readonly [bit: number, go: number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];

export function encodePathStat(stat: ArchivePathStat): string {
  const { name, kind, permissions, sizeBytes: size, modified, linkTarget } = stat;
  let mode = goKinds[kind] + (permissions & 0o777);
  for (const [bit, go] of goFlags) if ((permissions & bit) !== 0) mode += go;
  const mtime = formatRfc3339(BigInt(modified.seconds) * 1_000_000_000n + BigInt(modified.nanoseconds));
  return Buffer.from(JSON.stringify({ name, size, mode, mtime, linkTarget })).toString("base64");
}

/** Throws "corrupt" for what is no such header. */
export function decodePathStat(header: string | undefined): ArchivePathStat {
  try {
    const read: unknown = JSON.parse(Buffer.from(header ?? "", "base64").toString());
    if (!isRecord(read)) throw new Failure("corrupt", "it is no object");
    const { linkTarget } = read;
    const mode = Number(read["mode"]);
    if (!Number.isSafeInteger(mode)) throw new Failure("corrupt", "it has no mode");
    const ns = findRfc3339(String(read["mtime"])) ?? 0n;
    const seconds = Number(
      (ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n,
    );
    return {
      name: String(read["name"]),
      kind: kindOfGo(mode),
      permissions: goFlags.reduce((sum, [bit, go]) => sum + (hasBit(mode, go) ? bit : 0), mode % 0o1000),
      sizeBytes: Number(read["size"]),
      modified: { seconds, nanoseconds: Number(ns - BigInt(seconds) * 1_000_000_000n) },
      linkTarget: typeof linkTarget === "string" ? linkTarget : "",
    };
  } catch (cause) {
    throw new Failure(
      "corrupt",
      `cannot read the daemon's reply: the header ${pathStatHeader} is malformed`,
      {
        cause,
      },
    );
  }
}

function kindOfGo(mode: number): Kind {
  if (hasBit(mode, 2 ** 31)) return "directory";
  if (hasBit(mode, 2 ** 27)) return "symlink";
  if (hasBit(mode, 2 ** 26)) return hasBit(mode, 2 ** 21) ? "character" : "block";
  if (hasBit(mode, 2 ** 25)) return "fifo";
  return hasBit(mode, 2 ** 24) ? "socket" : "file";
}

/** Bit 31 is none of JavaScript's signed 32. */
function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
