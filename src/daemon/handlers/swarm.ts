import { Failure } from "../../base/failure.ts";
import type { Handlers } from "../handler.ts";

/** Features of Docker that Tare does not support: each request is refused with one sentence. */
export const handlers: Handlers = {
  "swarm.refuse": async () => {
    throw new Failure("unsupported", "cannot use swarm: swarm is not part of Tare");
  },

  "swarm.refuseSecrets": async () => {
    throw new Failure(
      "unsupported",
      "cannot use secrets of a swarm: swarm is not part of Tare; use `tare secret` and `tare run --secret`",
    );
  },

  // The client's "inspect" asks for every kind of object.
  "swarm.inspectPlugin": async ({ params }) => {
    throw new Failure(
      "not-found",
      `plugin ${JSON.stringify((params["name"] ?? "").slice(0, 200))} not found`,
    );
  },

  "swarm.refusePlugins": async () => {
    throw new Failure("unsupported", "cannot use plugins: plugins are not part of Tare");
  },
};
