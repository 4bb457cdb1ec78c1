import { Failure, sentenceOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { bool, list } from "../flags/kinds.ts";

interface Values {
  readonly force: boolean;
  readonly "no-prune": boolean;
  readonly platform: readonly string[];
}

export const rmi: Command<Values> = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    force: bool("Force removal of the image", { short: "f" }),
    "no-prune": bool("Do not delete untagged parents"),
    platform: { ...list("Remove only the given platform variant"), type: "strings" },
  },
  completes: ["image"],
  async run(call) {
    const { force, "no-prune": noPrune, platform } = call.values;
    const platforms = platform.flatMap((text) => text.split(","));
    const client = await call.client();
    let hasFailed = false;
    for (const reference of call.positional) {
      try {
        for (const { Untagged, Deleted } of await client.images.remove(reference, {
          force,
          noPrune,
          platforms,
        })) {
          call.out(Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`);
        }
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.details.fromDaemon !== true) throw thrown;
        call.err(`tare: ${sentenceOf(thrown)}\n`);
        // With --force what is not there is as good as removed, as in Docker.
        hasFailed ||= !(force && thrown.kind === "not-found");
      }
    }
    return hasFailed ? 1 : 0;
  },
};
