import { Failure } from "../../base/failure.ts";

/** One side of a copy: `CONTAINER:PATH`, a path of the host, or "-". */
export type CopyEndpoint =
  | { readonly kind: "container"; readonly container: string; readonly path: string }
  | { readonly kind: "host"; readonly path: string };

/** A path that begins with "/" or "." is the host's, whatever colons are in it. */
export function parseCopyEndpoint(text: string): CopyEndpoint {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || text.startsWith(".") || colon < 0) return { kind: "host", path: text };
  return { kind: "container", container: text.slice(0, colon), path: text.slice(colon + 1) };
}

export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
}
export interface CopyTarget {
  readonly path: string;
  /** Undefined: nothing is there. */
  readonly found: "directory" | "other" | undefined;
}

export interface CopyPlan {
  /** The directory that is unpacked into. */
  readonly directory: string;
  /** In place of the first part of each name; "" puts what is in the source straight into the directory. */
  readonly name: string;
}

/** Where a copy goes, by Docker's rules. SPEC: docker container cp. */
export function resolveCopy(source: CopySource, target: CopyTarget): CopyPlan {
  if (namesDirectory(source.path) && !source.isDirectory) throw new Failure("invalid", "not a directory");
  if (namesDirectory(target.path) && target.found === "other")
    throw new Failure("invalid", "not a directory");
  if (target.found === "directory") {
    const isContents = /(?:^|\/)\.$/.test(source.path);
    return { directory: target.path, name: isContents ? "" : baseName(source.path) };
  }
  if (target.found === "other" && source.isDirectory) throw new Failure("invalid", "cannot copy directory");
  if (target.found === undefined && !source.isDirectory && namesDirectory(target.path)) {
    throw new Failure("invalid", "no such directory");
  }
  return { directory: directoryName(target.path), name: baseName(target.path) };
}

/** The last part; "" of the root. */
export function baseName(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.at(-1) ?? "";
}

function directoryName(path: string): string {
  const trimmed = path.replace(/(?:\/+\.?)+$/, "");
  const slash = trimmed.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : trimmed.slice(0, slash);
}

function namesDirectory(path: string): boolean {
  return /(?:^|\/)\.?$/.test(path);
}
