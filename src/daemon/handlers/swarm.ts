import { Failure } from "../../base/failure.ts";
import type { Handlers } from "../handler.ts";

export const handlers: Handlers = {
  // Of a swarm, which there is none of: dockerd's answer where it has none. Those of the engine are at /tare/secrets.
  "swarm.secrets": async () => {
    throw new Failure(
      "unavailable",
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  },
};
