import { requireFilterKeys } from "../../api/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Handlers } from "../handler.ts";

/** There are no volumes yet; the lists are answered so that clients which look first find none. */
export const handlers: Handlers = {
  "volumes.list": async ({ query, reply }: Call) => {
    requireFilterKeys(query.filters(), ["dangling", "driver", "label", "name"]);
    reply.json(200, { Volumes: [], Warnings: null });
  },

  "volumes.inspect": async ({ params }: Call) => {
    throw new Failure("not-found", `cannot find volume "${params["name"]}"`);
  },
};
