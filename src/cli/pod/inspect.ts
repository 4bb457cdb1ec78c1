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
  description:
    "Ends with status 0 when there is such a pod, 1 when there is none, 125 when that can't be told.",
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
