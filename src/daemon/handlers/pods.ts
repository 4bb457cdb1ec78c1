import { graceMsOf } from "../../api/container/parse-spec.ts";
import { parsePodSpec } from "../../api/pod/pod-request.ts";
import type { Query } from "../../api/http/query.ts";
import type { Call, Handlers } from "../handler.ts";
import { podOf } from "../map/pod.ts";

export const handlers: Handlers = {
  "pods.list": async ({ engine, query, reply }: Call) => {
    reply.json(200, (await engine.pods.list({ filters: query.filters() })).map(podOf));
  },

  "pods.create": async ({ engine, body, reply }: Call) => {
    // The engine decides which namespaces can be shared.
    const { id, warnings } = await engine.pods.create(parsePodSpec(body));
    reply.json(201, { Id: id, Warnings: warnings });
  },

  "pods.inspect": async ({ engine, params, reply }: Call) => {
    reply.json(200, podOf(await engine.pods.inspect(params["id"] ?? "")));
  },

  "pods.start": async ({ engine, params, reply }: Call) => {
    await engine.pods.start(params["id"] ?? "");
    reply.empty(204);
  },

  "pods.stop": async ({ engine, params, query, reply }: Call) => {
    await engine.pods.stop(params["id"] ?? "", graceOf(query));
    reply.empty(204);
  },

  "pods.restart": async ({ engine, params, query, reply }: Call) => {
    await engine.pods.restart(params["id"] ?? "", graceOf(query));
    reply.empty(204);
  },

  "pods.kill": async ({ engine, params, query, reply }: Call) => {
    const signal = query.text("signal");
    await engine.pods.kill(params["id"] ?? "", signal === undefined ? {} : { signal });
    reply.empty(204);
  },

  "pods.pause": async ({ engine, params, reply }: Call) => {
    await engine.pods.pause(params["id"] ?? "");
    reply.empty(204);
  },

  "pods.unpause": async ({ engine, params, reply }: Call) => {
    await engine.pods.unpause(params["id"] ?? "");
    reply.empty(204);
  },

  "pods.remove": async ({ engine, params, query, reply }: Call) => {
    await engine.pods.remove(params["id"] ?? "", { force: query.boolean("force") });
    reply.empty(204);
  },

  "pods.prune": async ({ engine, query, reply }: Call) => {
    const { removed } = await engine.pods.prune({ filters: query.filters() });
    reply.json(200, { PodsDeleted: removed });
  },
};

function graceOf(query: Query): { readonly graceMs?: number | undefined } {
  const seconds = query.integer("t");
  return seconds === undefined ? {} : { graceMs: graceMsOf(seconds) };
}
