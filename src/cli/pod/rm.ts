import { kindOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import type { Filters } from "../../api/http/filters.ts";
import { bool } from "../flags/kinds.ts";
import { forEachPod, type PodChoice, podChoice } from "./each-pod.ts";
import { confirm } from "../prune/confirm.ts";
import { formatRemoved } from "../prune/report.ts";

interface Values extends PodChoice {
  readonly force: boolean;
  readonly ignore: boolean;
}

export const podRm: Command<Values> = {
  usage: "[OPTIONS] POD [POD...]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    ...podChoice("Remove"),
    force: bool("Kill running containers, then remove the pod with all its containers", { short: "f" }),
    ignore: bool("Do not error if the pod does not exist", { short: "i" }),
  },
  completes: ["pod"],
  examples: ["tare pod rm web", "tare pod rm --force --all"],
  async run(call) {
    const { force, ignore } = call.values;
    if (!ignore || call.positional.length === 0) {
      return await forEachPod(call, (client, id) => client.pods.remove(id, { force }));
    }
    const client = await call.client();
    const exists = await Promise.all(
      call.positional.map((reference) =>
        client.pods.inspect(reference).then(
          () => true,
          (thrown: unknown) => kindOf(thrown) !== "not-found",
        ),
      ),
    );
    const positional = call.positional.filter((_, index) => exists[index] === true);
    if (positional.length === 0) return 0;
    return await forEachPod({ ...call, positional }, (_, id) => client.pods.remove(id, { force }));
  },
};

interface PruneValues {
  readonly filter: Filters;
  readonly force: boolean;
}

export const podPrune: Command<PruneValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: pruneFilterFlag("until=<timestamp>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare pod prune --force"],
  async run(call) {
    const { filter, force } = call.values;
    const question = "WARNING! This will remove all stopped pods, with their containers.";
    if (!force && !(await confirm(call, question))) return 0;
    const client = await call.client();
    call.out(formatRemoved("Deleted Pods", (await client.pods.prune(filter)).PodsDeleted));
    return 0;
  },
};
