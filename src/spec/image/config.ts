import type { Digest } from "../digest.ts";
import { readDigest } from "./manifest.ts";
import { type JsonNode, readJson } from "../json-reader.ts";
import { normalizePlatform, type Platform } from "../platform.ts";

/** An image's configuration, read. Its bytes are its identity: keep those, never encode this again. */
export interface ImageConfig {
  readonly platform: Platform;
  /** RFC 3339 as it stands in the document; old tools leave it out. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** The defaults of a container of this image. */
  readonly defaults: ImageDefaults;
  /** Uncompressed digests, from the lowest layer to the topmost. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly ImageHistoryEntry[];
}

/** The document's `config`, with Docker's extensions. SPEC: OCI image 1.1, config.md; Docker image spec v1.2 */
export interface ImageDefaults {
  /** `user[:group]`, names or numbers; empty: root. */
  readonly user: string;
  readonly env: readonly string[];
  /** Absent and empty differ: an empty one has been set so. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  /** Empty: `/`. */
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As written: `80/tcp`, `8000-8010`; to be parsed where ports are used. */
  readonly exposedPorts: readonly string[];
  /** Paths inside the container, hostile like everything here. */
  readonly volumes: readonly string[];
  readonly stopSignal?: string | undefined;
  readonly healthcheck?: ImageHealthcheck | undefined;
  readonly onBuild: readonly string[];
  readonly shell?: readonly string[] | undefined;
  /** Builders set it with Cmd and Entrypoint; it means nothing here. */
  readonly argsEscaped?: boolean | undefined;
}

/** Times are nanoseconds; 0 or absent: the engine's default. */
export interface ImageHealthcheck {
  /** `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", text]`; empty: inherit. */
  readonly test: readonly string[];
  readonly intervalNs?: number | undefined;
  readonly timeoutNs?: number | undefined;
  readonly startPeriodNs?: number | undefined;
  readonly startIntervalNs?: number | undefined;
  readonly retries?: number | undefined;
}

/** One step that created an image. */
export interface ImageHistoryEntry {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** True when this step made no layer. */
  readonly emptyLayer: boolean;
}

/** As many as a manifest of 4 MiB could not hold anyway; keeps an image from costing more than its bytes. */
const maxLayers = 10_000;

/** Reads an image configuration, OCI or Docker. Throws "invalid" naming the member that is wrong. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const document = readJson(bytes, { what: "image config" });
  const rootfs = document.at("rootfs");
  if (!rootfs.present) throw document.refused("has no rootfs");
  const type = textAt(rootfs, "type");
  if (type !== undefined && type !== "layers") throw rootfs.at("type").refused('must be "layers"');
  const diffIds = rootfs.at("diff_ids").list(readDigest);
  if (diffIds.length > maxLayers)
    throw rootfs.at("diff_ids").refused(`must not have more than ${maxLayers} layers`);
  return Object.freeze({
    platform: normalizePlatform(
      textAt(document, "os") || "linux",
      textAt(document, "architecture") ?? "",
      textAt(document, "variant"),
    ),
    created: document.at("created").optional(readTime),
    author: anyTextAt(document, "author"),
    comment: anyTextAt(document, "comment"),
    defaults: readDefaults(document.at("config")),
    diffIds,
    history: document.at("history").list(readHistory),
  });
}

/** The defaults of an image without settings. */
export const noDefaults: ImageDefaults = Object.freeze({
  user: "",
  env: Object.freeze([]),
  workingDirectory: "",
  labels: Object.freeze({}),
  exposedPorts: Object.freeze([]),
  volumes: Object.freeze([]),
  onBuild: Object.freeze([]),
});

/** The document of a new image; parseImageConfig() reads the same back. */
export function encodeImageConfig(config: ImageConfig): Uint8Array {
  const { platform, defaults, diffIds, history } = config;
  const set = (keys: readonly string[]): Record<string, object> | undefined =>
    keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, {}]));
  const filled = <T extends readonly unknown[]>(list: T): T | undefined =>
    list.length === 0 ? undefined : list;
  const { test, intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries } = defaults.healthcheck ?? {};
  // Members that are undefined are left out by JSON.stringify().
  const document = {
    architecture: platform.architecture,
    author: config.author,
    comment: config.comment,
    config: {
      User: defaults.user || undefined,
      ExposedPorts: set(defaults.exposedPorts),
      Env: filled(defaults.env),
      Entrypoint: defaults.entrypoint,
      Cmd: defaults.cmd,
      Healthcheck: defaults.healthcheck && {
        Test: test,
        Interval: intervalNs,
        Timeout: timeoutNs,
        StartPeriod: startPeriodNs,
        StartInterval: startIntervalNs,
        Retries: retries,
      },
      Volumes: set(defaults.volumes),
      WorkingDir: defaults.workingDirectory || undefined,
      Labels: Object.keys(defaults.labels).length === 0 ? undefined : defaults.labels,
      StopSignal: defaults.stopSignal,
      OnBuild: filled(defaults.onBuild),
      Shell: defaults.shell,
      ArgsEscaped: defaults.argsEscaped === true ? true : undefined,
    },
    created: config.created,
    history: history.map(({ created, createdBy, author, comment, emptyLayer }) => ({
      created,
      created_by: createdBy,
      author,
      comment,
      empty_layer: emptyLayer || undefined,
    })),
    os: platform.os,
    rootfs: { type: "layers", diff_ids: diffIds },
    variant: platform.variant,
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Milliseconds since 1970; 0 when the image does not contain it. */
export function createdMs(config: ImageConfig): number {
  const time = config.created === undefined ? 0 : Date.parse(config.created);
  return Number.isFinite(time) ? time : 0;
}

function readDefaults(node: JsonNode): ImageDefaults {
  return Object.freeze({
    user: textAt(node, "User") ?? "",
    env: node.at("Env").list(readText),
    workingDirectory: textAt(node, "WorkingDir") ?? "",
    labels: node.at("Labels").map((label) => label.anyText()),
    exposedPorts: node.at("ExposedPorts").keys(),
    volumes: node.at("Volumes").keys(),
    onBuild: node.at("OnBuild").list(readText),
    entrypoint: node.at("Entrypoint").optional((list) => list.list(readText)),
    cmd: node.at("Cmd").optional((list) => list.list(readText)),
    stopSignal: textAt(node, "StopSignal") || undefined,
    healthcheck: node.at("Healthcheck").optional(readHealthcheck),
    shell: node.at("Shell").optional((list) => list.list(readText)),
    argsEscaped: node.at("ArgsEscaped").optional((value) => value.boolean()) === true ? true : undefined,
  });
}

function readHealthcheck(node: JsonNode): ImageHealthcheck {
  const count = (key: string): number | undefined => node.at(key).optional((value) => value.count());
  return Object.freeze({
    test: node.at("Test").list(readText),
    intervalNs: count("Interval"),
    timeoutNs: count("Timeout"),
    startPeriodNs: count("StartPeriod"),
    startIntervalNs: count("StartInterval"),
    retries: count("Retries"),
  });
}

function readHistory(node: JsonNode): ImageHistoryEntry {
  return Object.freeze({
    created: node.at("created").optional(readTime),
    createdBy: anyTextAt(node, "created_by"),
    author: anyTextAt(node, "author"),
    comment: anyTextAt(node, "comment"),
    emptyLayer: node.at("empty_layer").optional((value) => value.boolean()) ?? false,
  });
}

function readText(node: JsonNode): string {
  return node.text();
}

// SPEC: RFC 3339, section 5.6; Go writes up to nine digits of the second.
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function readTime(node: JsonNode): string {
  const text = node.text();
  if (!time.test(text)) throw node.refused("must be a time such as 2024-01-31T12:00:00Z");
  return text;
}

function textAt(node: JsonNode, key: string): string | undefined {
  return node.at(key).optional((value) => value.text());
}

function anyTextAt(node: JsonNode, key: string): string | undefined {
  return node.at(key).optional((value) => value.anyText()) || undefined;
}
