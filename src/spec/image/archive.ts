import { Failure } from "../../base/failure.ts";
import { type Descriptor, readDescriptor } from "./manifest.ts";
import { readJson } from "../json-reader.ts";
import { findReference, type Reference, withDefaultTag } from "../reference.ts";

/** One image of a docker-archive's `manifest.json`; its paths are names of members of the same archive. */
export interface DockerArchiveImage {
  readonly configPath: string;
  /** From the lowest to the topmost; as many as the config has diffIDs. */
  readonly layerPaths: readonly string[];
  readonly references: readonly Reference[];
}

/** One entry of an OCI layout's `index.json`. */
export interface LayoutEntry {
  readonly descriptor: Descriptor;
  readonly references: readonly Reference[];
}

/** Reads `manifest.json` of what `docker save` writes. Names that are no references are refused, not skipped. */
export function parseDockerArchive(bytes: Uint8Array): readonly DockerArchiveImage[] {
  const document = readJson(bytes, { what: "manifest.json of the archive" });
  return document.list((image) =>
    Object.freeze({
      configPath: cleanMemberPath(image.at("Config").text()),
      layerPaths: image.at("Layers").list((path) => cleanMemberPath(path.text())),
      references: image.at("RepoTags").list((tag) => {
        const reference = findReference(tag.text());
        if (reference?.tag === undefined)
          throw tag.refused(`must be a name with a tag, not ${JSON.stringify(tag.text())}`);
        return reference;
      }),
    }),
  );
}

/** Reads `oci-layout`; throws "unsupported" for a version other than 1. SPEC: OCI image 1.1, image-layout.md */
export function checkOciLayout(bytes: Uint8Array): void {
  const version = readJson(bytes, { what: "oci-layout of the archive" }).at("imageLayoutVersion").text();
  if (!/^1\.\d+\.\d+$/.test(version)) {
    throw new Failure(
      "unsupported",
      `cannot read oci-layout of the archive: version ${JSON.stringify(version)} is not known`,
    );
  }
}

/**
 * Reads `index.json` of an OCI layout: each entry is an image of its own, or an index of its platforms.
 * Names come from containerd's annotation, else from `ref.name` when that is a whole name (skopeo and buildx also
 * write a bare tag there, which names nothing).
 */
export function parseLayoutIndex(bytes: Uint8Array): readonly LayoutEntry[] {
  const document = readJson(bytes, { what: "index.json of the archive" });
  if (document.at("schemaVersion").count() !== 2) throw document.at("schemaVersion").refused("must be 2");
  if (document.at("config").present || document.at("layers").present) {
    throw document.refused("is both a manifest and an index");
  }
  if (!document.at("manifests").present) throw document.refused("has no manifests");
  return document.at("manifests").list((node) => {
    const descriptor = readDescriptor(node);
    return Object.freeze({ descriptor, references: namesIn(descriptor.annotations) });
  });
}

/**
 * A member's name in one form: no `./`, no doubled or closing slash. Throws "invalid" for absolute ones and those that
 * leave the archive: names are only looked up among members, but nothing honest is called so.
 */
export function cleanMemberPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/") || parts.includes("..") || parts.length === 0) {
    throw new Failure(
      "invalid",
      `cannot read the archive: it names ${JSON.stringify(path.slice(0, 200))}, which is outside of it`,
    );
  }
  return parts.join("/");
}

function namesIn(annotations: Readonly<Record<string, string>>): readonly Reference[] {
  const image = annotations["io.containerd.image.name"];
  const name = image ?? annotations["org.opencontainers.image.ref.name"];
  if (name === undefined || (image === undefined && !/[/:]/.test(name))) return [];
  const reference = findReference(name);
  return reference === undefined ? [] : [withDefaultTag(reference)];
}
