import { Failure } from "../../base/failure.ts";

/** How the names in an archive are taken. See UnpackOptions. */
export type NameRules = "strict" | "docker";

/**
 * The target of an entry's name. `path` is clean: no leading, trailing or double slash, no "." or ".."; "" is the root.
 */
export type EntryTarget =
  | { readonly kind: "member"; readonly path: string }
  /** `path` is what the whiteout hides. */
  | { readonly kind: "whiteout"; readonly path: string }
  /** `path` is the directory whose lower contents are hidden. */
  | { readonly kind: "opaque"; readonly path: string }
  /**
   * A file that hard links of the same layer name, and that is no part of the tree: Docker's aufs driver wrote such
   * layers.
   */
  | { readonly kind: "link-source"; readonly path: string }
  /** Other files that only aufs uses. */
  | { readonly kind: "ignored" };

const WHITEOUT = ".wh.";
const META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";
/** Where aufs keeps files that have several names: "pseudo-links". */
export const LINK_SOURCES = ".wh..wh.plnk";
const unclean: RegExp = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * A name of an archive as a clean path below the root. ".." is taken as text, as Docker does: "a/../b" is "b", also
 * where "a" is a link. Throws "invalid" for a path that leaves the root, and under strict rules for an absolute one.
 */
export function cleanPath(name: string, rules: NameRules): string {
  if (name.startsWith("/") && rules === "strict") {
    throw new Failure("invalid", `cannot unpack ${JSON.stringify(name)}: the path is absolute`);
  }
  if (!unclean.test(name)) return name;
  const components: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") components.push(component);
    else if (components.pop() === undefined)
      throw new Failure("invalid", `cannot unpack ${JSON.stringify(name)}: the path leaves the root by ".."`);
  }
  return components.join("/");
}

/** SPEC: OCI image layer, "Whiteouts"; names with ".wh." that are no well-formed whiteouts are refused. */
export function parseTarget(name: string, rules: NameRules): EntryTarget {
  const path = cleanPath(name, rules);
  if (!path.includes(WHITEOUT)) return { kind: "member", path };
  const components = path.split("/");
  const last = components.pop() ?? "";
  if (components.length === 1 && components[0] === LINK_SOURCES) return { kind: "link-source", path };
  if (components.some((component) => component.startsWith(META))) return { kind: "ignored" };
  if (components.some((component) => component.startsWith(WHITEOUT))) throw malformed(name);
  const parent = components.join("/");
  if (last === OPAQUE) return { kind: "opaque", path: parent };
  if (last.startsWith(META)) return { kind: "ignored" };
  if (!last.startsWith(WHITEOUT)) return { kind: "member", path };
  const hidden = last.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") throw malformed(name);
  return { kind: "whiteout", path: joinPath(parent, hidden) };
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}

/** How many components a clean path has. */
export function depthOf(path: string): number {
  if (path === "") return 0;
  let depth = 1;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) depth += 1;
  return depth;
}

function malformed(name: string): Failure {
  return new Failure("invalid", `cannot unpack ${JSON.stringify(name)}: it is no well-formed whiteout`);
}
