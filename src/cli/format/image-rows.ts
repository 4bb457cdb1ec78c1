import type { ImageSummary } from "../../api/types/image.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import type { Listing, Row } from "./rows.ts";
import { formatLocalTime, shortId } from "./text.ts";

const none = "<none>";

export function imageListing({ hasDigests }: { readonly hasDigests: boolean }): Listing {
  const digest = hasDigests ? ["Digest"] : [];
  return {
    rowName: "image",
    headings: {
      ID: "IMAGE ID",
      Repository: "REPOSITORY",
      Tag: "TAG",
      Digest: "DIGEST",
      CreatedSince: "CREATED",
      CreatedAt: "CREATED AT",
      Size: "SIZE",
      Containers: "CONTAINERS",
      VirtualSize: "SIZE",
      SharedSize: "SHARED SIZE",
      UniqueSize: "UNIQUE SIZE",
    },
    table: ["Repository", "Tag", ...digest, "ID", "CreatedSince", "Size"]
      .map((name) => `{{.${name}}}`)
      .join("\t"),
    quiet: "{{.ID}}",
  };
}

export interface ImageRowOptions {
  readonly isWhole: boolean;
  readonly hasDigests: boolean;
  readonly nowMs: number;
}

/** One row a name of the image; one with `<none>` when it has no name. */
export function imageRows(image: ImageSummary, options: ImageRowOptions): readonly Row[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>").map(splitTag);
  const digests = (image.RepoDigests ?? []).filter((digest) => !digest.startsWith(none)).map(splitDigest);
  if (!options.hasDigests) {
    const names = tags.length > 0 ? tags : digests.map(([repository]) => [repository, none] as const);
    return unnamed(names).map(([repository, tag]) =>
      rowOf(image, { repository, tag, digest: none }, options),
    );
  }
  const tagged = tags.flatMap(([repository, tag]) => {
    const own = digests.filter(([candidate]) => candidate === repository);
    return (own.length === 0 ? [[repository, none] as const] : own).map(([, digest]) => ({
      repository,
      tag,
      digest,
    }));
  });
  const untagged = digests
    .filter(([repository]) => !tags.some(([candidate]) => candidate === repository))
    .map(([repository, digest]) => ({ repository, tag: none, digest }));
  const names = [...tagged, ...untagged];
  const shown = names.length === 0 ? [{ repository: none, tag: none, digest: none }] : names;
  return shown.map((name) => rowOf(image, name, options));
}

interface Name {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

function rowOf(
  image: ImageSummary,
  { repository, tag, digest }: Name,
  { isWhole, nowMs }: ImageRowOptions,
): Row {
  const { SharedSize: shared, Containers: containers } = image;
  return {
    ID: isWhole ? image.Id : shortId(image.Id),
    Repository: repository,
    Tag: tag,
    Digest: digest,
    CreatedSince: `${formatHumanDuration(nowMs - image.Created * 1000)} ago`,
    get CreatedAt() {
      return formatLocalTime(image.Created);
    },
    Size: formatByteSize(image.Size, 3),
    Containers: containers === undefined || containers < 0 ? "N/A" : String(containers),
    VirtualSize: formatByteSize(image.Size),
    SharedSize: shared === undefined || shared < 0 ? "N/A" : formatByteSize(shared),
    UniqueSize: shared === undefined || shared < 0 ? "N/A" : formatByteSize(image.Size - shared),
  };
}

function unnamed(names: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return names.length === 0 ? [[none, none]] : names;
}

function splitTag(reference: string): readonly [string, string] {
  const at = reference.lastIndexOf(":");
  return at === -1 || reference.indexOf("/", at) !== -1
    ? [reference, none]
    : [reference.slice(0, at), reference.slice(at + 1)];
}

function splitDigest(reference: string): readonly [string, string] {
  const at = reference.indexOf("@");
  return [reference.slice(0, at), reference.slice(at + 1)];
}
