import type { ContainerChange } from "../../api/types/container.ts";
import { encodePathStat, pathStatHeader } from "../../api/container/path-stat.ts";
import { parseCommitConfig } from "../../api/image/commit-request.ts";
import { Failure } from "../../base/failure.ts";
import type { Call } from "../handler.ts";
import { bodyPieces, refusingBadBody } from "../http/request-body.ts";
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

/** `HEAD /containers/{id}/archive` */
export async function statPath({ engine, params, query, reply }: Call): Promise<void> {
  const stat = await engine.containers.statPath(params["id"] ?? "", requirePath(query));
  reply.empty(200, { [pathStatHeader]: encodePathStat(stat) });
}

/** `GET /containers/{id}/archive` */
export async function copyFrom({ engine, params, query, reply, signal }: Call): Promise<void> {
  using copied = await engine.containers.copyFrom(params["id"] ?? "", requirePath(query), { signal });
  await streamArchive(reply, copied.archive, {
    contentType: "application/x-tar",
    headers: { [pathStatHeader]: encodePathStat(copied.stat) },
  });
}

/** `PUT /containers/{id}/archive` */
export async function copyInto({ engine, params, query, request, reply, signal }: Call): Promise<void> {
  const options = {
    archive: bodyPieces(request),
    keepsKinds: query.boolean("noOverwriteDirNonDir"),
    asContainerUser: query.boolean("copyUIDGID"),
    signal,
  };
  const path = requirePath(query);
  await refusingBadBody(() => engine.containers.copyInto(params["id"] ?? "", path, options));
  reply.empty(200);
}

function requirePath(query: Call["query"]): string {
  const path = query.text("path");
  if (path === undefined || path === "") {
    throw new Failure("invalid", "bad parameter: path cannot be empty");
  }
  return path;
}

/** `POST /commit` */
export async function commit({ engine, query, body, reply, signal }: Call): Promise<void> {
  const config = parseCommitConfig(body);
  const container = query.text("container");
  if (container === undefined) throw new Failure("invalid", "cannot commit: the request names no container");
  const repository = query.text("repo");
  const tag = query.text("tag");
  const message = query.text("comment");
  const author = query.text("author");
  const id = await engine.containers.commit(container, {
    reference: repository === undefined ? undefined : tag === undefined ? repository : `${repository}:${tag}`,
    message,
    author,
    config,
    changes: query.texts("changes"),
    pause: query.boolean("pause"),
    signal,
  });
  reply.json(201, { Id: id });
}
