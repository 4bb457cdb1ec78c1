import {
  decryptionKeysHeader,
  encryptionKeysHeader,
  parseKeysHeader,
} from "../../api/image/encryption-keys.ts";
import { type Filters, requireFilterKeys } from "../../api/http/filters.ts";
import { encodeProgressLine } from "../../api/http/progress-lines.ts";
import { adaptImageInspect, adaptImageSummary } from "../../api/http/version-compat.ts";
import type { ImageDetails } from "../../model/images.ts";
import { Failure } from "../../base/failure.ts";
import { parseLayerCompression } from "../../spec/image/layer-compression.ts";
import type { Call, Handlers } from "../handler.ts";
import { bodyPieces, refusingBadBody } from "../http/request-body.ts";
import {
  deleteItemOf,
  imageHistoryOf,
  imageInspectOf,
  imageSummaryOf,
  imageTreeOf,
  searchResultOf,
} from "../map/image.ts";
import { describeOtherPlatform } from "../map/other-platform.ts";
import { streamArchive } from "../http/stream-archive.ts";
import { streamLines } from "../http/stream-lines.ts";
import { loadMessageOf, pullMessageOf, pushMessageOf } from "../map/progress.ts";
import { readPlatformParameter } from "../../api/image/platform-parameter.ts";
import { formatFamiliar, isTag, parseReference, withTag } from "../../spec/reference.ts";
import { parseRegistryAuth } from "../../api/image/registry-auth.ts";
import { imagesReportOf } from "../map/usage.ts";

const listFilters = ["before", "dangling", "label", "reference", "since", "until"];

export const handlers: Handlers = {
  "images.list": async ({ engine, version, query, reply }: Call) => {
    const name = version < 1041 ? query.text("filter") : undefined;
    const filters: Filters = { ...query.filters(), ...(name === undefined ? {} : { reference: [name] }) };
    requireFilterKeys(filters, listFilters);
    if (query.boolean("identity") && !query.boolean("manifests"))
      throw new Failure("invalid", "conflicting options: identity requires manifests=1");
    const manifests = query.boolean("manifests");
    const found = await engine.images.list({ all: query.boolean("all"), filters, manifests });
    const shared = query.boolean("shared-size") ? await sharedSizes(engine) : undefined;
    const rows = found.map((image) => {
      const summary = imageSummaryOf(image);
      return shared === undefined ? summary : { ...summary, SharedSize: shared.get(image.id) ?? 0 };
    });
    reply.json(
      200,
      rows.map((row) => adaptImageSummary(row, version)),
    );
  },

  "images.attestations": async ({ engine, version, params, query }: Call) => {
    await engine.images.inspect(params["name"] ?? "", platformsIn(query, version));
    throw new Failure(
      "unsupported",
      "the image store does not support attestations: it keeps no image indexes",
    );
  },

  "images.inspect": async ({ engine, version, params, query, reply }: Call) => {
    const manifests = query.boolean("manifests");
    const platform = platformIn(query);
    if (manifests && platform.platform !== undefined) {
      throw new Failure("invalid", "conflicting options: manifests and platform options cannot both be set");
    }
    const found = await engine.images.inspect(params["name"] ?? "", { ...platform, manifests });
    reply.json(200, adaptImageInspect(imageInspectOf(found), version));
  },

  "images.history": async ({ engine, params, query, reply }: Call) => {
    const image = await engine.images.inspect(params["name"] ?? "", platformIn(query));
    const ancestors: ImageDetails[] = [];
    for (let next = image.parent; next !== undefined; next = ancestors.at(-1)?.parent) {
      ancestors.push(await engine.images.inspect(next));
    }
    reply.json(200, imageHistoryOf(image, ancestors));
  },

  "images.tree": async ({ engine, query, reply }: Call) => {
    reply.json(200, imageTreeOf(await engine.images.tree(query.texts("names"))));
  },

  "images.tag": async ({ engine, params, query, reply }: Call) => {
    const repository = query.text("repo");
    if (repository === undefined)
      throw new Failure("invalid", "cannot tag the image: the request names no repository");
    const tag = query.text("tag");
    if (tag !== undefined && !isTag(tag)) throw new Failure("invalid", "invalid tag format");
    await engine.images.tag(params["name"] ?? "", nameIn(repository, tag));
    reply.empty(201);
  },

  "images.remove": async ({ engine, params, query, reply }: Call) => {
    const removed = await engine.images.remove(params["name"] ?? "", {
      force: query.boolean("force"),
      keepParents: query.boolean("noprune"),
      platforms: query.texts("platforms").flatMap((text) => readPlatformParameter(text) ?? []),
    });
    reply.json(200, removed.map(deleteItemOf));
  },

  "images.search": async ({ engine, query, request, reply, signal }: Call) => {
    const limit = readLimit(query.text("limit"));
    const found = await engine.images.search(query.text("term") ?? "", {
      filters: query.filters(),
      signal,
      limit: limit === 0 ? undefined : limit,
      credentials: findCredentials(request),
    });
    reply.json(200, found.map(searchResultOf));
  },

  "images.prune": async ({ engine, query, reply }: Call) => {
    reply.json(200, imagesReportOf(await engine.images.prune({ filters: query.filters() })));
  },

  "images.load": async ({ engine, version, query, request, reply, signal }: Call) => {
    const quiet = query.boolean("quiet");
    const options = { signal, ...platformsIn(query, version), ...decryptionKeysOf(request) };
    const work = async (): Promise<void> => {
      for await (const progress of engine.images.load(bodyPieces(request), options)) {
        if (quiet && progress.kind === "layer") continue;
        if (!reply.isBegun) reply.begin("application/json");
        await reply.write(encodeProgressLine(loadMessageOf(progress)));
      }
    };
    await streamLines(reply, () => refusingBadBody(work));
  },

  "images.push": push,

  "images.lookUp": async ({ engine, params, request, reply, signal }: Call) => {
    const credentials = credentialsOf(request);
    const found = await engine.images.lookUp(params["name"] ?? "", {
      signal,
      credentials,
    });
    reply.json(200, {
      Descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.size },
      Platforms: found.platforms,
    });
  },

  "images.save": async ({ engine, version, params, query, reply }: Call) => {
    await streamArchive(reply, engine.images.save([params["name"] ?? ""], platformsIn(query, version)), {
      contentType: "application/x-tar",
    });
  },

  "images.saveMany": async ({ engine, version, query, reply }: Call) => {
    const names = query.texts("names");
    if (names.length === 0) throw new Failure("invalid", "cannot save: the request names no image");
    await streamArchive(reply, engine.images.save(names, platformsIn(query, version)), {
      contentType: "application/x-tar",
    });
  },

  "images.create": async (call: Call) => {
    const { query } = call;
    const image = query.text("fromImage");
    if (image !== undefined) return await pull(call, image);
    const source = query.text("fromSrc");
    if (source === undefined)
      throw new Failure("invalid", "cannot create an image: neither fromImage nor fromSrc is given");
    await importFrom(call, source);
  },
};

/** 0 where there is none. Throws "invalid" in dockerd's words. */
function readLimit(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const shown = JSON.stringify(text.slice(0, 100));
  const why = /^[+-]?\d+$/.test(text) ? "value out of range" : "invalid syntax";
  throw new Failure("invalid", `invalid limit specified: strconv.Atoi: parsing ${shown}: ${why}`);
}

/** SPEC: dockerd searches without credentials where they cannot be read. */
function findCredentials(request: Call["request"]): ReturnType<typeof parseRegistryAuth> {
  try {
    return credentialsOf(request);
  } catch {
    return undefined;
  }
}

/** Bytes of each image that others have, too. */
async function sharedSizes(engine: Call["engine"]): Promise<ReadonlyMap<string, number>> {
  const { images = [] } = await engine.diskUsage({ kinds: ["image"] });
  return new Map(images.map(({ id, sharedBytes }) => [id, sharedBytes]));
}

/** "-": the request's body. */
async function importFrom({ engine, query, request, reply }: Call, source: string): Promise<void> {
  if (source !== "-" && !URL.canParse(source)) {
    throw new Failure("invalid", `cannot import from "${source.slice(0, 200)}": it is neither - nor a URL`);
  }
  const repository = query.text("repo");
  const reference = repository === undefined ? undefined : nameIn(repository, query.text("tag"));
  const message = query.text("message") ?? `Imported from ${source}`;
  const platform = platformIn(query);
  const work = async (): Promise<void> => {
    const archive = source === "-" ? bodyPieces(request) : new URL(source);
    const id = await engine.images.import(archive, {
      changes: query.texts("changes"),
      ...platform,
      reference,
      message,
    });
    reply.begin("application/json");
    await reply.write(encodeProgressLine({ status: id }));
  };
  await streamLines(reply, () => refusingBadBody(work));
}

/** The parameters `repo` and `tag`; the tag goes before one in the name. */
function nameIn(repository: string, tag: string | undefined): string {
  const reference = parseReference(repository);
  return tag === undefined || reference.digest !== undefined
    ? repository
    : formatFamiliar(withTag(reference, tag));
}

/** Of load and save, which may name several since 1.52: an image here has one. */
function platformsIn(
  query: Call["query"],
  version: Call["version"],
): { readonly platform?: string | undefined } {
  const names = [...new Set(query.texts("platform"))];
  if (names.length > 1) {
    throw new Failure(
      "invalid",
      version < 1052
        ? "multiple platform parameters are not supported in this API version; use API version 1.52 or later"
        : "cannot select several platforms: an image has one platform here; ask for one at a time",
    );
  }
  const platform = readPlatformParameter(names[0]);
  return platform === undefined ? {} : { platform };
}

function platformIn(query: Call["query"]): { readonly platform?: string | undefined } {
  const platform = readPlatformParameter(query.text("platform"));
  return platform === undefined ? {} : { platform };
}

/** Podman's word for it. */
function insecureIn(query: Call["query"]): { readonly insecure?: true | undefined } {
  return !query.boolean("tlsVerify") ? { insecure: true } : {};
}

/** The image's name may have its tag in it, or apart; a tag may be a digest. Neither: all tags, as with Docker. */
async function pull({ engine, query, request, reply, signal }: Call, image: string): Promise<void> {
  const tag = query.text("tag");
  const base = image.replace(/:$/, ""); // some clients ask so for all tags
  const name = tag === undefined ? base : `${base}${tag.includes(":") ? "@" : ":"}${tag}`;
  const reference = parseReference(name);
  const platform = platformIn(query);
  const credentials = credentialsOf(request);
  const keys = decryptionKeysOf(request);
  const allTags = reference.tag === undefined && reference.digest === undefined;
  await streamLines(reply, async () => {
    const progress = engine.images.pull(name, {
      signal,
      ...keys,
      allTags,
      ...insecureIn(query),
      ...platform,
      credentials,
    });
    for await (const each of progress) {
      const message = pullMessageOf(each);
      if (message === undefined) continue;
      if (!reply.isBegun) reply.begin("application/json");
      await reply.write(encodeProgressLine(message));
    }
    if (platform.platform === undefined || allTags) return;
    // What is no index has one image, whatever was asked for.
    const mismatch = describeOtherPlatform(await engine.images.inspect(name), {
      image: name,
      platform: platform.platform,
    });
    if (mismatch === undefined) return;
    if (!reply.isBegun) reply.begin("application/json");
    await reply.write(encodeProgressLine({ status: `WARNING: ${mismatch}` }));
  });
}

function requireLayer(text: string): number {
  if (/^-?\d{1,4}$/.test(text)) return Number(text);
  throw new Failure("invalid", `invalid layer to encrypt "${text.slice(0, 20)}": want a whole number`);
}

async function push({ engine, params, query, request, reply, signal }: Call): Promise<void> {
  const tag = query.text("tag");
  const name = params["name"] ?? "";
  const credentials = credentialsOf(request);
  const keys = parseKeysHeader(request.header(encryptionKeysHeader.toLowerCase()));
  const layers = query.texts("encryptLayers").map(requireLayer);
  const compression = query.text("compressionFormat");
  const format = compression === undefined ? {} : { compression: parseLayerCompression(compression) };
  await streamLines(reply, async () => {
    const progress = engine.images.push(tag === undefined ? name : `${name}:${tag}`, {
      signal,
      encryptionKeys: keys.length === 0 ? undefined : keys,
      encryptLayers: layers.length === 0 ? undefined : layers,
      ...format,
      allTags: tag === undefined && parseReference(name).tag === undefined,
      ...platformIn(query),
      ...insecureIn(query),
      credentials,
    });
    for await (const each of progress) {
      if (!reply.isBegun) reply.begin("application/json");
      await reply.write(encodeProgressLine(pushMessageOf(each)));
    }
  });
}

function decryptionKeysOf(request: Call["request"]): {
  readonly decryptionKeys?: readonly { readonly key: string }[] | undefined;
} {
  const keys = parseKeysHeader(request.header(decryptionKeysHeader.toLowerCase()));
  return keys.length === 0 ? {} : { decryptionKeys: keys.map((key) => ({ key })) };
}

function credentialsOf(request: Call["request"]): ReturnType<typeof parseRegistryAuth> {
  return parseRegistryAuth(request.header("x-registry-auth"));
}
