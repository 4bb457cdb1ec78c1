import { parseTrustedJson } from "../../base/trusted-json.ts";
import { codeOf } from "../../linux/files/file-failure.ts";
import { readFileSync } from "node:fs";
import type { Digest } from "../../spec/digest.ts";
import type { RootLook } from "../disk/layer-directory.ts";

/** Facts about a layer that are available without mounting it; a JSON file next to its image. */
export interface LayerFacts {
  /**
   * "image": the tar and its index, in "image"; "directory": unpacked in "fs", because the index can't have something
   * of it.
   */
  readonly form: "image" | "directory";
  /** Its tar had an entry for the root directory itself. */
  readonly setsRoot: boolean;
  /** Its root is opaque: nothing of the layers below it is seen. */
  readonly hidesBelow: boolean;
  readonly root: RootLook;
  /** Length of its files and links. */
  readonly contentBytes: number;
  /** Of an image: the tar's length, and the digest of all that is not the tar. */
  readonly tarBytes?: number | undefined;
  readonly indexDigest?: Digest | undefined;
}

/** Undefined when there are none, or not whole ones. */
export function readLayerFacts(path: string): LayerFacts | undefined {
  try {
    return parseTrustedJson<LayerFacts>(readFileSync(path, "utf8"));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR" || thrown instanceof SyntaxError)
      return undefined;
    throw thrown;
  }
}
