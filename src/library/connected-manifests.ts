import { type Undefinable } from "../base/defined.ts";
import { formatRegistryConfig } from "../api/image/registry-auth.ts";
import type * as api from "../api/types/manifest.ts";
import type { Progress } from "../base/progress.ts";
import type { Client } from "../client/client.ts";
import type {
  ManifestAccess,
  ManifestList,
  ManifestPlatform,
  Manifests,
  RegistryManifest,
} from "../model/manifests.ts";
import { progressOf } from "./progress-reply.ts";

/** The manifest lists of an engine behind a socket. */
export class ConnectedManifests implements Manifests {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(
    name: string,
    references: readonly string[],
    options: Parameters<Manifests["create"]>[2] = {},
  ): Promise<ManifestList> {
    const { amend = false, insecure = false } = options;
    const request = { Name: name, Manifests: references, Amend: amend, Insecure: insecure };
    return listOf(await this.#client.manifests.create(request, accessOf(options)));
  }

  async annotate(
    name: string,
    reference: string,
    platform: Undefinable<ManifestPlatform>,
  ): Promise<ManifestList> {
    const { os, architecture, variant, osVersion, osFeatures } = platform;
    return listOf(
      await this.#client.manifests.annotate(name, {
        Manifest: reference,
        Os: os,
        Architecture: architecture,
        Variant: variant,
        OsVersion: osVersion,
        OsFeatures: osFeatures,
      }),
    );
  }

  async inspect(name: string): Promise<ManifestList> {
    return listOf(await this.#client.manifests.inspect(name));
  }

  async list(): Promise<readonly ManifestList[]> {
    return (await this.#client.manifests.list()).map(listOf);
  }

  async *push(
    name: string,
    options: Parameters<Manifests["push"]>[1] = {},
  ): AsyncGenerator<Progress, void, undefined> {
    const { purge = false, insecure = false } = options;
    const messages = this.#client.manifests.push(name, { purge, insecure, ...accessOf(options) });
    for await (const message of messages) {
      const digest = message.aux?.["Digest"];
      yield typeof digest === "string" ? { kind: "image", id: digest, reference: name } : progressOf(message);
    }
  }

  remove(name: string): Promise<void> {
    return this.#client.manifests.remove(name);
  }

  async fetch(reference: string, options: ManifestAccess = {}): Promise<RegistryManifest> {
    const { insecure = false } = options;
    const found = await this.#client.manifests.fetch(reference, { insecure, ...accessOf(options) });
    const { mediaType, digest, platform } = found.Descriptor;
    return {
      reference: found.Ref,
      mediaType,
      digest,
      bytes: Buffer.from(found.Raw, "base64"),
      platform: platform && platformOf(platform),
    };
  }
}

function accessOf({ credentials = {}, signal }: ManifestAccess): {
  readonly registryConfig: string | undefined;
  readonly signal: AbortSignal | undefined;
} {
  return { registryConfig: formatRegistryConfig(credentials), signal };
}

function listOf({ Name, Created, Manifests: entries }: api.ManifestList): ManifestList {
  return {
    name: Name,
    createdAt: Created,
    entries: entries.map(({ Ref, Descriptor: { platform, ...descriptor } }) => ({
      reference: Ref,
      ...descriptor,
      platform: platformOf(platform),
    })),
  };
}

function platformOf(platform: api.ManifestPlatform): ManifestPlatform {
  const { os, architecture, variant } = platform;
  const { "os.version": osVersion, "os.features": osFeatures } = platform;
  return {
    os,
    architecture,
    variant,
    osVersion,
    osFeatures,
  };
}
