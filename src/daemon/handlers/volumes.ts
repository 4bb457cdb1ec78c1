import { requireFilterKeys } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import { parseVolumeRequest } from "../../api/volume/volume-request.ts";
import type { Call, Handlers } from "../handler.ts";
import { volumeOf } from "../map/volume.ts";

export const handlers: Handlers = {
  "volumes.list": async ({ engine, query, reply }: Call) => {
    const filters = query.filters();
    requireFilterKeys(filters, ["dangling", "driver", "label", "name"]);
    const found = await engine.volumes.list({ filters });
    reply.json(200, { Volumes: found.map((volume) => volumeOf(volume)), Warnings: null });
  },

  "volumes.create": async ({ engine, body, reply }: Call) => {
    const { Name, Driver, DriverOpts, Labels } = parseVolumeRequest(body);
    const made = await engine.volumes.create({
      name: Name,
      driver: Driver,
      options: DriverOpts ?? undefined,
      labels: Labels ?? undefined,
    });
    reply.json(201, volumeOf(made));
  },

  "volumes.inspect": async ({ engine, params, reply }: Call) => {
    reply.json(200, volumeOf(await engine.volumes.inspect(params["name"] ?? "")));
  },

  "volumes.update": async () => {
    throw new Failure(
      "unavailable",
      "volume update only valid for cluster volumes, but swarm is unavailable",
    );
  },

  "volumes.remove": async ({ engine, params, query, reply }: Call) => {
    await engine.volumes.remove(params["name"] ?? "", { force: query.boolean("force") });
    reply.empty(204);
  },

  "volumes.prune": async ({ engine, version, query, reply }: Call) => {
    const filters = query.filters();
    requireFilterKeys(filters, version >= 1042 ? ["all", "label", "label!"] : ["label", "label!"]);
    // Before labels marked anonymous volumes, Docker pruned all unused ones.
    const { removed, freedBytes } = await engine.volumes.prune({ all: version < 1042, filters });
    reply.json(200, { VolumesDeleted: removed, SpaceReclaimed: freedBytes });
  },
};
