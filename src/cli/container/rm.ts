import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference, type Printed } from "../each.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly force: boolean;
  readonly link: boolean;
  readonly volumes: boolean;
}

export const rm: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    force: bool("Force the removal of a running container (uses SIGKILL)", { short: "f" }),
    link: bool("Remove the specified link", { short: "l" }),
    volumes: bool("Remove anonymous volumes associated with the container", { short: "v" }),
  },
  completes: ["container"],
  async run(call) {
    const { force, link, volumes } = call.values;
    const client = await call.client();
    const work = async (reference: string): Promise<Printed> => {
      const name = reference.replace(/^\/+/, "");
      if (name === "") {
        throw new Failure("invalid", "container name cannot be empty", { details: { fromDaemon: true } });
      }
      try {
        await client.containers.remove(name, { force, link, volumes });
        return reference;
      } catch (thrown) {
        // With --force what is not there is as good as removed, as in Docker.
        if (!(force && thrown instanceof Failure && thrown.kind === "not-found")) throw thrown;
        return { out: reference, err: `tare: ${thrown.message}` };
      }
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};
