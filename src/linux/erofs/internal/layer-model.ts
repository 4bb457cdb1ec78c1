import { required } from "../../../base/required.ts";
import { Failure, within } from "../../../base/failure.ts";
import { encodeBytes } from "../../../spec/byte-text.ts";
import type { TarEntry, TarTime } from "../../../spec/tar-entry.ts";
import { baseOf, cleanPath, LINK_SOURCES, type NameRules, parentOf } from "../../tree/entry-path.ts";
import { checkDevice } from "../../tree/layer-writer.ts";
import { checkOwner, DEFAULT_ACL, isAllowedXattr } from "../../tree/metadata.ts";
import { isWhiteoutNode, type LayerNode, makeNode, makeWhiteoutNode } from "./layer-node.ts";

/** The kernel's own: so many links in one look-up. */
const LINKS_FOLLOWED = 40;

/** A step of a look-up that leads nowhere, by the kernel's name for it. */
type Missing = "ENOENT" | "ENOTDIR" | "ELOOP";

/**
 * The tree of one layer in memory, made of the entries of its tar by the rules of unpackLayer() with overlay's
 * marks: the same entries are refused, with the same failures, and of what is taken the same tree comes. Pure.
 */
export class LayerModel {
  readonly root: LayerNode = makeNode("directory");
  /** Its tar had an entry for the root directory itself. */
  setsRoot = false;
  skippedXattrs = 0;
  readonly #rules: NameRules;
  readonly #hidden = new Set<string>();
  readonly #late = new Map<
    string,
    { readonly mtime: TarTime; readonly defaultAcl: Uint8Array | undefined }
  >();

  constructor(rules: NameRules) {
    this.#rules = rules;
  }

  /** Adds the entry at the clean path; returns a file's node, whose content is still missing. */
  add(path: string, entry: TarEntry): LayerNode | undefined {
    checkOwner(entry);
    if (entry.type === "directory") {
      this.#addDirectory(path, entry);
      return undefined;
    }
    if (path === "") throw new Failure("invalid", `the root can't be a ${entry.type}`);
    switch (entry.type) {
      case "file": {
        const node = makeNode("file", { size: entry.size, ...metadataOf(entry) });
        this.#put(path, node);
        return node;
      }
      case "hardlink":
        this.#addHardlink(path, entry);
        return undefined;
      case "symlink":
        checkTarget(entry.linkName);
        this.#put(path, makeNode("symlink", { ...metadataOf(entry), mode: 0o777, target: entry.linkName }));
        this.skippedXattrs += entry.xattrs.size;
        return undefined;
      case "fifo":
      case "character":
      case "block": {
        const isDevice = entry.type !== "fifo";
        if (isDevice) checkDevice(entry);
        const { major, minor } = isDevice ? entry : { major: 0, minor: 0 };
        this.#put(path, makeNode(entry.type, { ...metadataOf(entry), major, minor }));
        this.skippedXattrs += entry.xattrs.size;
        return undefined;
      }
      case "unknown":
        throw new Failure("unsupported", `the entry type ${JSON.stringify(entry.typeFlag)} is unknown`);
      default:
        entry.type satisfies never;
        return undefined;
    }
  }

  /** The node has all of its content: what comes with the end of an entry. */
  finish(node: LayerNode, entry: TarEntry): void {
    this.#takeXattrs(node, entry);
  }

  /** Marks that lower layers' `path` is gone. */
  hide(path: string): void {
    const parent = this.#directory(parentOf(path));
    this.#hidden.add(path);
    const found = parent.children.get(baseOf(path));
    if (found === undefined) parent.children.set(baseOf(path), makeWhiteoutNode());
    else if (found.kind === "directory") found.isOpaque = true;
  }

  /** Marks that nothing of lower layers' directory `path` is left. */
  hideContents(path: string): void {
    this.#directory(path).isOpaque = true;
  }

  /** Applies what must come after all entries. */
  end(): void {
    const sources = this.root.children.get(LINK_SOURCES);
    if (sources !== undefined) {
      this.root.children.delete(LINK_SOURCES);
      drop(sources);
    }
    for (const [path, { mtime, defaultAcl }] of this.#late) {
      const parent = path === "" ? undefined : this.#find(parentOf(path));
      const node = path === "" ? this.root : parent?.children.get(baseOf(path));
      if (node?.kind !== "directory") continue;
      node.mtime = mtime;
      if (defaultAcl !== undefined) setXattrOf(node, DEFAULT_ACL, defaultAcl);
    }
  }

  #addDirectory(path: string, entry: TarEntry): void {
    let node = path === "" ? this.root : undefined;
    if (node === undefined) {
      const parent = this.#directory(parentOf(path));
      const found = parent.children.get(baseOf(path));
      // A directory over a directory is the same directory; over a whiteout, what lower layers have must not come back.
      node =
        found?.kind === "directory"
          ? found
          : makeNode("directory", { isOpaque: this.#isHidden(path, found) });
      if (found !== node) this.#put(path, node);
    } else {
      this.setsRoot = true;
    }
    node.mode = entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    this.#takeXattrs(node, entry);
    this.#late.set(path, { mtime: entry.mtime, defaultAcl: entry.xattrs.get(DEFAULT_ACL) });
  }

  #takeXattrs(node: LayerNode, { xattrs, type }: TarEntry): void {
    for (const [name, value] of xattrs) {
      if (name === DEFAULT_ACL && type === "directory") continue;
      if (isAllowedXattr(name) && !(name === DEFAULT_ACL)) setXattrOf(node, name, value);
      else this.skippedXattrs += 1;
    }
  }

  #addHardlink(path: string, entry: TarEntry): void {
    const target = cleanPath(entry.linkName, this.#rules);
    const name = JSON.stringify(entry.linkName);
    if (target === "" || target === path) throw new Failure("corrupt", `it is a hard link to ${name}`);
    const look = (): LayerNode => {
      const node = this.#find(parentOf(target))?.children.get(baseOf(target));
      if (node === undefined || isWhiteoutNode(node)) {
        throw new Failure("corrupt", `it is a hard link to ${name}, which the archive did not bring before`);
      }
      if (node.kind === "directory")
        throw new Failure("corrupt", `it is a hard link to the directory ${name}`);
      return node;
    };
    const parent = this.#directory(parentOf(path));
    look();
    const cleared = this.#clear(path, parent);
    // The replaced node may have been the target's own directory.
    const node = look();
    node.links += 1;
    cleared.children.set(baseOf(path), node);
    // A link source has the metadata, as with Docker.
    if (parentOf(target) !== LINK_SOURCES) this.#applyToInode(node, entry);
  }

  /** As applyToInode() of an unpacked layer. */
  #applyToInode(node: LayerNode, entry: TarEntry): void {
    const isChown = node.uid !== entry.uid || node.gid !== entry.gid;
    node.uid = entry.uid;
    node.gid = entry.gid;
    if (node.kind === "symlink") {
      this.skippedXattrs += entry.xattrs.size;
      return;
    }
    if (isChown) node.xattrs?.delete("security.capability");
    node.mode = entry.mode;
    node.mtime = entry.mtime;
    if (node.kind === "file") this.#takeXattrs(node, entry);
    else this.skippedXattrs += entry.xattrs.size;
  }

  #put(path: string, node: LayerNode): void {
    this.#clear(path, this.#directory(parentOf(path))).children.set(baseOf(path), node);
  }

  /**
   * Removes what is at `path`, and gives its directory: another one than before, where the path led through what is
   * gone.
   */
  #clear(path: string, parent: LayerNode): LayerNode {
    const found = parent.children.get(baseOf(path));
    if (found === undefined) return parent;
    parent.children.delete(baseOf(path));
    drop(found);
    const cleared = this.#directory(parentOf(path));
    if (cleared.children.has(baseOf(path)))
      throw new Failure("invalid", `${JSON.stringify(path)} leads through a link that it replaces`);
    return cleared;
  }

  /** The layer hides lower layers' `path`, though it may contain a new file there since. */
  #isHidden(path: string, found: LayerNode | undefined): boolean {
    return this.#hidden.has(path) || (found !== undefined && isWhiteoutNode(found));
  }

  #find(path: string): LayerNode | undefined {
    return this.#reach(path, { makes: false });
  }

  /** The directory; what is missing on the way is made as root's, mode 0755. */
  #directory(path: string): LayerNode {
    return required(this.#reach(path, { makes: true }));
  }

  #reach(path: string, { makes }: { readonly makes: boolean }): LayerNode | undefined {
    let node = this.root;
    if (path === "") return node;
    for (let at = 0; at <= path.length; ) {
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      const next = this.#step(node, path.slice(0, end), { name: path.slice(at, end), makes });
      if (next === undefined) return undefined;
      node = next;
      at = end + 1;
    }
    return node;
  }

  #step(
    parent: LayerNode,
    path: string,
    { name, makes }: { readonly name: string; readonly makes: boolean },
  ): LayerNode | undefined {
    const found = parent.children.get(name);
    if (found?.kind === "directory") return found;
    if (found?.kind === "symlink" && this.#rules === "docker") {
      const resolved = this.#resolve(path, makes);
      if (resolved !== undefined) return resolved;
    }
    if (!makes) return undefined;
    const hidesLower = found !== undefined && isWhiteoutNode(found);
    if (found !== undefined && !hidesLower) {
      throw new Failure("invalid", `its parent ${JSON.stringify(path)} is a ${found.kind}`);
    }
    const made = makeNode("directory", { isOpaque: this.#isHidden(path, found) });
    parent.children.set(name, made);
    return made;
  }

  /** The directory that a link leads to inside the tree; undefined when it leads nowhere and nothing is made. */
  #resolve(path: string, makes: boolean): LayerNode | undefined {
    const found = this.#walk(path, { makes: false });
    if (typeof found !== "string") return found;
    if (found !== "ENOENT")
      throw new Failure("invalid", `the link ${JSON.stringify(path)} leads to no directory: ${found}`);
    if (!makes) return undefined;
    try {
      const made = this.#walk(path, { makes: true });
      if (typeof made !== "string") return made;
      throw new Failure(
        "invalid",
        made === "ELOOP" ? "too many symbolic links" : "something in the way is no directory",
      );
    } catch (thrown) {
      throw within(`cannot make the directory ${JSON.stringify(path)}`, thrown);
    }
  }

  /** As openat2(2) with RESOLVE_IN_ROOT: links and ".." never lead out. */
  #walk(path: string, { makes }: { readonly makes: boolean }): LayerNode | Missing {
    const rest = componentsOf(path).toReversed();
    const above: LayerNode[] = [this.root];
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const node = required(above.at(-1));
      if (name === "..") {
        if (above.length > 1) above.pop();
        continue;
      }
      const found = node.children.get(name);
      if (found?.kind === "directory") {
        above.push(found);
      } else if (found?.kind === "symlink") {
        if (++links > LINKS_FOLLOWED) return "ELOOP";
        if (found.target.startsWith("/")) above.length = 1;
        rest.push(...componentsOf(found.target).toReversed());
      } else if (found !== undefined) {
        return "ENOTDIR";
      } else if (!makes) {
        return "ENOENT";
      } else if (rest.includes("..")) {
        throw new Failure("invalid", `cannot go up from ${JSON.stringify(name)}: it is missing`);
      } else {
        const made = makeNode("directory");
        node.children.set(name, made);
        above.push(made);
      }
    }
    return required(above.at(-1));
  }
}

/** As symlink(2) does. */
function checkTarget(target: string): void {
  if (target === "") throw new Failure("invalid", "it is a symbolic link to nothing");
  if (encodeBytes(target).length > 4095) throw new Failure("invalid", "its target is longer than 4095 bytes");
}

function setXattrOf(node: LayerNode, name: string, value: Uint8Array): void {
  node.xattrs ??= new Map();
  node.xattrs.set(name, value);
}

function componentsOf(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}

function metadataOf({ mode, uid, gid, mtime }: TarEntry): Pick<LayerNode, "mode" | "uid" | "gid" | "mtime"> {
  return { mode, uid, gid, mtime };
}

/** It, and all that is in it, has one name less. */
function drop(node: LayerNode): void {
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    next.links -= 1;
    pending.push(...next.children.values());
  }
}
