import { type Undefinable } from "../../base/defined.ts";
import { parseManifestAnnotation, parseManifestListRequest } from "../../api/image/manifest-request.ts";
import { encodeProgressLine } from "../../api/http/progress-lines.ts";
import { parseRegistryConfig } from "../../api/image/registry-auth.ts";
import type { ManifestPlatform } from "../../model/manifests.ts";
import type { Call, Handlers } from "../handler.ts";
import { streamLines } from "../http/stream-lines.ts";
import { manifestListOf, registryManifestOf } from "../map/manifest.ts";
import { pushMessageOf } from "../map/progress.ts";

export const handlers: Handlers = {
  "manifests.create": async ({ engine, body, request, reply, signal }: Call) => {
    const { Name, Manifests, Amend = false, Insecure = false } = parseManifestListRequest(body);
    const made = await engine.manifests.create(Name, Manifests, {
      credentials: credentialsOf(request),
      amend: Amend,
      insecure: Insecure,
      signal,
    });
    reply.json(201, manifestListOf(made));
  },

  "manifests.annotate": async ({ engine, params, body, reply }: Call) => {
    const { Manifest, ...asked } = parseManifestAnnotation(body);
    const platform: Undefinable<ManifestPlatform> = {
      os: asked.Os,
      architecture: asked.Architecture,
      variant: asked.Variant,
      osVersion: asked.OsVersion,
      osFeatures: asked.OsFeatures,
    };
    reply.json(
      200,
      manifestListOf(await engine.manifests.annotate(params["name"] ?? "", Manifest, platform)),
    );
  },

  "manifests.inspect": async ({ engine, params, reply }: Call) => {
    reply.json(200, manifestListOf(await engine.manifests.inspect(params["name"] ?? "")));
  },

  "manifests.list": async ({ engine, reply }: Call) => {
    reply.json(200, (await engine.manifests.list()).map(manifestListOf));
  },

  "manifests.push": async ({ engine, params, query, request, reply, signal }: Call) => {
    await streamLines(reply, async () => {
      const progress = engine.manifests.push(params["name"] ?? "", {
        credentials: credentialsOf(request),
        purge: query.boolean("purge"),
        insecure: query.boolean("insecure"),
        signal,
      });
      for await (const each of progress) {
        if (!reply.isBegun) reply.begin("application/json");
        await reply.write(encodeProgressLine(pushMessageOf(each)));
      }
    });
  },

  "manifests.remove": async ({ engine, params, reply }: Call) => {
    await engine.manifests.remove(params["name"] ?? "");
    reply.empty(204);
  },

  "manifests.fetch": async ({ engine, params, query, request, reply, signal }: Call) => {
    const found = await engine.manifests.fetch(params["name"] ?? "", {
      credentials: credentialsOf(request),
      insecure: query.boolean("insecure"),
      signal,
    });
    reply.json(200, registryManifestOf(found));
  },
};

function credentialsOf(request: Call["request"]): ReturnType<typeof parseRegistryConfig> {
  return parseRegistryConfig(request.header("x-registry-config"));
}
