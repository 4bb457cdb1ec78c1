import { compileCacheFilters } from "../../api/image/cache-filters.ts";
import { writeTo } from "../../base/stream-writes.ts";
import { duplexPair } from "node:stream";
import { bytesOf } from "../../base/byte-stream.ts";
import type { GrpcServer } from "../../grpc/server.ts";
import { encodeCacheRecord } from "./cache-records.ts";
import { codingsOf } from "./codings.ts";
import type { BuildKitContext } from "./build-context.ts";
import { solve } from "./solve.ts";
import { buildkitVersion, workerRecord } from "./workers.ts";

const service = "moby.buildkit.v1.Control";
const nanosecondsInMs = 1_000_000;

/** SPEC: moby/buildkit, api/services/control/control.proto. */
export function serveControl(server: GrpcServer, context: BuildKitContext): void {
  const { builds, jobs, history, sessions, version } = context;
  server.unary(`/${service}/Info`, codingsOf(`${service}/Info`), async () => ({
    buildkitVersion: buildkitVersion(version),
  }));
  server.unary(`/${service}/ListWorkers`, codingsOf(`${service}/ListWorkers`), async () => ({
    record: [workerRecord(version)],
  }));
  server.unary(`/${service}/Solve`, codingsOf(`${service}/Solve`), async (request, call) =>
    solve(request, call, context),
  );
  server.serverStream(
    `/${service}/Status`,
    codingsOf(`${service}/Status`),
    async ({ Ref }, { call, send }) => {
      const progress = await jobs.getProgress(Ref, call.signal);
      for await (const message of progress.follow(call.signal)) await send(message);
    },
  );
  server.duplex(`/${service}/Session`, codingsOf(`${service}/Session`), async (requests, { call, send }) => {
    sessions.admit(call.headers);
    const [near, far] = duplexPair();
    far.on("error", () => {});
    const session = sessions.add(near, call.headers);
    call.signal.addEventListener("abort", () => near.destroy());
    const receive = async (): Promise<void> => {
      for await (const { data } of requests) await writeTo(far, data);
      far.end();
    };
    receive().catch(() => void near.destroy());
    try {
      for await (const data of bytesOf(far)) await send({ data });
    } finally {
      session.client.close();
      near.destroy();
      far.destroy();
    }
  });
  server.unary(`/${service}/DiskUsage`, codingsOf(`${service}/DiskUsage`), async ({ filter }, { signal }) => {
    const isSelected = compileCacheFilters(filter);
    const records = await builds.cache({ signal });
    return { record: records.filter(isSelected).map(encodeCacheRecord) };
  });
  server.serverStream(`/${service}/Prune`, codingsOf(`${service}/Prune`), async (request, { call, send }) => {
    const removed = builds.pruneCache({
      all: request.all,
      select: compileCacheFilters(request.filter),
      unusedForMs: request.keepDuration === 0 ? undefined : request.keepDuration / nanosecondsInMs,
      reservedBytes: request.reservedSpace || undefined,
      maxUsedBytes: request.maxUsedSpace || undefined,
      minFreeBytes: request.minFreeSpace || undefined,
      signal: call.signal,
    });
    for await (const record of removed) await send(encodeCacheRecord(record));
  });
  server.serverStream(
    `/${service}/ListenBuildHistory`,
    codingsOf(`${service}/ListenBuildHistory`),
    async ({ ActiveOnly, Ref, EarlyExit }, { call, send }) => {
      await history.listen(
        { activeOnly: ActiveOnly, ref: Ref, earlyExit: EarlyExit },
        { send, signal: call.signal },
      );
    },
  );
  server.unary(
    `/${service}/UpdateBuildHistory`,
    codingsOf(`${service}/UpdateBuildHistory`),
    async ({ Ref, Pinned, Delete }) => {
      history.update(Ref, { pinned: Pinned, isDeleted: Delete });
      return {};
    },
  );
}
