import { kindOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { objectFormat } from "../flags/filters.ts";
import { type ImageValues, inspectAll } from "../system/inspect.ts";

export const podInspect: Command<ImageValues> = {
  usage: "[OPTIONS] POD [POD...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { format: objectFormat },
  completes: ["pod"],
  examples: ["tare pod inspect --format '{{range .Containers}}{{.Name}} {{.State}}{{println}}{{end}}' web"],
  async run(call) {
    const client = await call.client();
    return await inspectAll(call, (name) => client.pods.inspect(name));
  },
};

export const podExists: Command<object> = {
  usage: "POD",
  takes: [1, 1],
  flags: {},
  completes: ["pod"],
  description: "Exit status: 0 if the pod exists, 1 if it does not, 125 if the check fails.",
  examples: ["tare pod exists web || tare pod create web"],
  failureStatus: 125,
  async run(call) {
    const [reference = ""] = call.positional;
    const client = await call.client();
    try {
      await client.pods.inspect(reference);
      return 0;
    } catch (thrown) {
      if (kindOf(thrown) === "not-found") return 1;
      throw thrown;
    }
  },
};
