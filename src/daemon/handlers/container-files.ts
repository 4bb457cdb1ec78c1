import type { ContainerChange } from "../../api/types/container.ts";
import type { Call } from "../handler.ts";
import { streamArchive } from "../http/stream-archive.ts";

const kinds = { modified: 0, added: 1, deleted: 2 } as const;

/** `GET /containers/{id}/changes` */
export async function listChanges({ engine, params, reply }: Call): Promise<void> {
  const changes = await engine.containers.changes(params["id"] ?? "");
  const found = changes.map(({ path, kind }): ContainerChange => ({ Path: path, Kind: kinds[kind] }));
  reply.json(200, found.length === 0 ? null : found);
}

/** `GET /containers/{id}/export` */
export async function streamExport({ engine, params, reply, signal }: Call): Promise<void> {
  await streamArchive(reply, engine.containers.export(params["id"] ?? "", { signal }), {
    contentType: "application/octet-stream",
  });
}
