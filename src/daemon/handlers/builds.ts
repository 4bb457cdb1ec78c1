import { encodeProgressLine, failureMessage } from "../../api/http/progress-lines.ts";
import { compileCacheQuery } from "../../api/image/cache-filters.ts";
import { parseBuildParameters } from "../../api/image/build-parameters.ts";
import { parseRegistryConfig } from "../../api/image/registry-auth.ts";
import type { ProgressMessage } from "../../api/types/progress.ts";
import { Failure, failureOf } from "../../base/failure.ts";
import type { BuildContext } from "../../model/builds.ts";
import { formatFamiliar, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { Call, Handlers } from "../handler.ts";
import { bodyPieces, refusingBadBody } from "../http/request-body.ts";
import { ClassicBuild } from "../map/classic-build.ts";
import { openBuilds } from "./open-builds.ts";

export const handlers: Handlers = {
  "builds.build": build,

  "builds.buildWithOptions": async (call: Call) => {
    // Its options are loaded for its clients alone.
    const { buildWithOptions } = await import("./build-with-options.ts");
    await buildWithOptions(call);
  },

  "builds.connectAgent": async ({ params, reply }: Call) => {
    const { answerAnnouncement } = await import("./agent-connections.ts");
    if (!reply.isUpgrade) throw new Failure("invalid", "no upgrade proto in request");
    const handshake = { Connection: "Upgrade", Upgrade: "tcp" };
    answerAnnouncement(params["connection"] ?? "", () => reply.switchProtocols(handshake));
  },

  "builds.prune": async ({ engine, query, reply, signal }: Call) => {
    const select = compileCacheQuery(query.filters());
    const builds = await engine.openBuilds?.();
    const removed: string[] = [];
    let freed = 0;
    const options = {
      all: query.boolean("all"),
      select,
      reservedBytes: query.integer("reserved-space") ?? query.integer("keep-storage"),
      maxUsedBytes: query.integer("max-used-space"),
      minFreeBytes: query.integer("min-free-space"),
      signal,
    };
    for await (const { id, sizeBytes } of builds?.pruneCache(options) ?? []) {
      removed.push(id);
      freed += sizeBytes;
    }
    reply.json(200, { CachesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: freed });
  },
};

async function build({ engine, query, request, reply, signal }: Call): Promise<void> {
  const parameters = parseBuildParameters(query);
  const credentials = parseRegistryConfig(request.header("x-registry-config"));
  const { dockerfile, remote, tags, quiet, ...options } = parameters;
  for (const tag of tags) parseReference(tag);
  const builds = await openBuilds(engine);
  await using sent =
    remote === undefined
      ? await refusingBadBody(() => builds.contexts.unpack(bodyPieces(request), signal))
      : undefined;
  const context: BuildContext =
    sent === undefined
      ? { kind: "url", url: remote ?? "" }
      : {
          kind: "directory",
          open: () => Promise.resolve({ path: sent.path, [Symbol.asyncDispose]: () => Promise.resolve() }),
        };
  // SAFETY: a client that reads slowly does not hold the steps; the output of each is bounded.
  let written: Promise<void> = Promise.resolve();
  const send = (message: ProgressMessage): void => {
    if (!reply.isBegun) reply.begin("application/json");
    const line = encodeProgressLine(message);
    written = written.then(() => reply.write(line));
  };
  const classic = new ClassicBuild((message) => {
    if (!quiet) send(message);
  });
  try {
    await using result = await builds.build(
      {
        ...options,
        dockerfile: { name: dockerfile },
        contexts: new Map([["", context]]),
        entitlements: [],
        findCredentials: (registry) => Promise.resolve(credentials[registry]),
      },
      { signal, onProgress: (event) => classic.take(event) },
    );
    const [image] = result.images;
    if (image === undefined) throw new Failure("internal", "cannot build: there is no image");
    await builds.store(result, { references: tags, vertex: image.id, signal });
    if (quiet) send({ stream: `${image.id}\n` });
    else {
      send({ aux: { ID: image.id } });
      send({ stream: `Successfully built ${image.id.slice("sha256:".length, "sha256:".length + 12)}\n` });
      for (const tag of tags) {
        send({ stream: `Successfully tagged ${formatFamiliar(withDefaultTag(parseReference(tag)))}\n` });
      }
    }
  } catch (thrown) {
    if (!reply.isBegun) throw thrown;
    const failure = failureOf(thrown);
    const { exitCode, command } = failure.details ?? {};
    const isStep = exitCode !== undefined && command !== undefined;
    const sentence = isStep
      ? `The command '${command}' returned a non-zero code: ${exitCode}`
      : failure.message;
    send(failureMessage(sentence, isStep ? exitCode : undefined));
  }
  await written;
  reply.end();
}
