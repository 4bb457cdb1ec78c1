import type { Command } from "../command.ts";
import { objectFormat } from "../flags/filters.ts";
import { type ImageValues, inspectAll } from "../system/inspect.ts";

export const volumeInspect: Command<ImageValues> = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { format: objectFormat },
  completes: ["volume"],
  examples: ["tare volume inspect --format '{{.Mountpoint}}' data"],
  async run(call) {
    const client = await call.client();
    return await inspectAll(call, (name) => client.volumes.inspect(name));
  },
};
