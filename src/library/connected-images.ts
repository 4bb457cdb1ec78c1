import { formatKey, parseDecryptionKey } from "../spec/image/encryption-keys.ts";
import type { ImageTreeImage as ApiTreeImage, ImageDeleteItem } from "../api/types/image.ts";
import { formatRegistryAuth } from "../api/image/registry-auth.ts";
import type { Progress } from "../base/progress.ts";
import { Failure } from "../base/failure.ts";
import { formatFamiliar, parseReference, withDefaultTag } from "../spec/reference.ts";
import type { Client } from "../client/client.ts";
import type {
  FoundImage,
  ImageDetails,
  Images,
  ImageSummary,
  ImageTree,
  ImageTreeImage,
  RegistryImage,
} from "../model/images.ts";
import { progressOf, refuseError } from "./progress-reply.ts";
import { imageDetailsOf, imageSummaryOf } from "./inspect-reply.ts";
import type { PrunedImages } from "../model/prune.ts";

/** The images of an engine behind a socket. */
export class ConnectedImages implements Images {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async *load(
    archive: AsyncIterable<Uint8Array>,
    options: Parameters<Images["load"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    const { decryptionKeys = [], ...others } = options;
    const keys = decryptionKeys.map((key) => formatKey(parseDecryptionKey(key)));
    for await (const message of this.#client.images.load(archive, { ...others, decryptionKeys: keys })) {
      yield progressOf(message);
    }
  }

  async *pull(
    reference: string,
    options: Parameters<Images["pull"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    const { platform, credentials, insecure, signal, allTags = false, decryptionKeys = [] } = options;
    // Passphrases stay here.
    const keys = decryptionKeys.map((key) => formatKey(parseDecryptionKey(key)));
    const auth = credentials === undefined ? undefined : formatRegistryAuth(credentials, "");
    const parsed = parseReference(reference);
    const wanted = formatFamiliar(allTags ? parsed : withDefaultTag(parsed));
    for await (const message of this.#client.images.pull(wanted, {
      platform,
      auth,
      signal,
      decryptionKeys: keys,
      insecure,
    })) {
      yield progressOf(message);
    }
    if (allTags) return;
    const { id } = await this.inspect(reference);
    yield { kind: "image", id, reference };
  }

  async *push(
    reference: string,
    options: Parameters<Images["push"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    const { credentials, insecure, signal, platform, allTags = false } = options;
    const { compression, encryptionKeys, encryptLayers } = options;
    const { domain, path, tag = allTags ? undefined : "latest" } = parseReference(reference);
    const auth = credentials === undefined ? undefined : formatRegistryAuth(credentials, "");
    for await (const message of this.#client.images.push(`${domain}/${path}`, {
      tag,
      auth,
      platform,
      signal,
      insecure,
      compression,
      encryptionKeys,
      encryptLayers,
    })) {
      if (message.aux === undefined) yield progressOf(message);
      else if (typeof message.aux["Digest"] === "string") {
        yield { kind: "image", id: message.aux["Digest"], reference };
      }
    }
  }

  async *save(
    references: readonly string[],
    options: Parameters<Images["save"]>[1] = {},
  ): AsyncGenerator<Uint8Array, void> {
    yield* await this.#client.images.save(references, options);
  }

  async lookUp(reference: string, options: Parameters<Images["lookUp"]>[1] = {}): Promise<RegistryImage> {
    const { credentials, signal } = options;
    const auth = credentials === undefined ? undefined : formatRegistryAuth(credentials, "");
    const { Descriptor: descriptor, Platforms: platforms } = await this.#client.images.lookUp(reference, {
      auth,
      signal,
    });
    return { ...descriptor, platforms };
  }

  async search(term: string, options: Parameters<Images["search"]>[1] = {}): Promise<readonly FoundImage[]> {
    const { credentials, ...others } = options;
    const auth = credentials === undefined ? undefined : formatRegistryAuth(credentials, "");
    const found = await this.#client.images.search(term, { ...others, auth });
    return found.map((row) => ({
      name: row.name,
      description: row.description,
      stars: row.star_count,
      isOfficial: row.is_official,
      isAutomated: row.is_automated,
    }));
  }

  async checkCredentials(
    registry: string,
    credentials: Parameters<Images["checkCredentials"]>[1],
  ): Promise<void> {
    if (credentials.kind === "registry-token") {
      throw new Failure("unsupported", "cannot check a registry token: log in with a name and a password");
    }
    await this.#client.system.logIn({
      serveraddress: registry,
      ...(credentials.kind === "password"
        ? { username: credentials.username, password: credentials.password }
        : { identitytoken: credentials.token }),
    });
  }

  async import(
    archive: AsyncIterable<Uint8Array> | URL,
    options: Parameters<Images["import"]>[1] = {},
  ): Promise<string> {
    const { reference: repository, changes = [], message, platform } = options;
    let id = "";
    for await (const line of this.#client.images.import(archive, {
      repository,
      changes,
      message,
      platform,
    })) {
      refuseError(line);
      id = line.status ?? id;
    }
    return id;
  }

  async list(options: Parameters<Images["list"]>[0] = {}): Promise<readonly ImageSummary[]> {
    const rows = await this.#client.images.list(options);
    return rows.map(imageSummaryOf);
  }

  async inspect(reference: string, options: Parameters<Images["inspect"]>[1] = {}): Promise<ImageDetails> {
    const reply = await this.#client.images.inspect(reference, options);
    const users = await this.#client.containers.list({ all: true, filters: { ancestor: [reply.Id] } });
    return imageDetailsOf(reply, users.filter((row) => row.ImageID === reply.Id).length);
  }

  async tree(references: readonly string[] = []): Promise<ImageTree> {
    const { Layers: layers, Layerless: layerless } = await this.#client.images.tree(references);
    return {
      layers: layers.map((layer) => ({
        chainId: layer.ChainId,
        diffId: layer.DiffId,
        parent: layer.Parent,
        sizeBytes: layer.Size,
        createdBy: layer.CreatedBy,
        images: layer.Images.map(treeImageOf),
        usedBy: layer.UsedBy,
      })),
      layerless: layerless.map(treeImageOf),
    };
  }

  tag(reference: string, target: string): Promise<void> {
    return this.#client.images.tag(reference, { repository: target });
  }

  async remove(
    reference: string,
    options: Parameters<Images["remove"]>[1] = {},
  ): ReturnType<Images["remove"]> {
    const { keepParents: noPrune, ...others } = options;
    const items = await this.#client.images.remove(reference, { ...others, noPrune });
    return items.map(removalOf);
  }

  async prune(options: Parameters<Images["prune"]>[0] = {}): ReturnType<Images["prune"]> {
    const { all = false, filters = {} } = options;
    const report = await this.#client.images.prune(all ? { dangling: ["false"], ...filters } : filters);
    return { removed: (report.ImagesDeleted ?? []).map(removalOf), freedBytes: report.SpaceReclaimed };
  }
}

function treeImageOf({ Id: id, RepoTags: references }: ApiTreeImage): ImageTreeImage {
  return { id, references };
}

function removalOf({ Untagged, Deleted = "" }: ImageDeleteItem): PrunedImages["removed"][number] {
  return Untagged === undefined ? { deleted: Deleted } : { untagged: Untagged };
}
