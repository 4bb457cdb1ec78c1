import type { TarTime } from "../../../spec/tar-entry.ts";
import type { FileKind } from "../../files/stat.ts";

/** Bytes of a file that lie in one piece, in the file and in the image. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
  readonly imageOffset: number;
}

/** A file of a layer, whatever its kind, as it will be in the image; hard links are the same node twice. */
export interface LayerNode {
  readonly kind: FileKind;
  mode: number;
  uid: number;
  gid: number;
  mtime: TarTime;
  xattrs: Map<string, Uint8Array> | undefined;
  links: number;
  /** Of a directory: overlay's mark that nothing of lower layers shows in it. */
  isOpaque: boolean;
  readonly children: Map<string, LayerNode>;
  size: number;
  segments: Segment[];
  /** Of a symbolic link. */
  readonly target: string;
  readonly major: number;
  readonly minor: number;
}

/** Nothing is ever put into it. */
const none: Map<string, LayerNode> = new Map();

export function makeNode(kind: FileKind, fields: Partial<LayerNode> = {}): LayerNode {
  const seconds = Math.floor(Date.now() / 1000);
  return {
    kind,
    mode: kind === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: { seconds, nanoseconds: 0 },
    xattrs: undefined,
    links: 1,
    isOpaque: false,
    children: kind === "directory" ? new Map() : none,
    size: 0,
    segments: [],
    target: "",
    major: 0,
    minor: 0,
    ...fields,
  };
}

/**
 * Overlay's own mark for "not in lower layers either": a character device 0:0, which no entry of an archive may make.
 */
export function makeWhiteoutNode(): LayerNode {
  return makeNode("character", { mode: 0 });
}

export function isWhiteoutNode({ kind, major, minor }: LayerNode): boolean {
  return kind === "character" && major === 0 && minor === 0;
}
