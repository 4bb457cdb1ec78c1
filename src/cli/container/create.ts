import type { Command } from "../command.ts";
import { createContainer } from "./run/create.ts";
import { withContainerFlags } from "./flags/container-flags.ts";
import { toContainer } from "./run/to-request.ts";
import { makePodOf } from "./run/pod-of-container.ts";
import type { ContainerValues } from "./flags/container-flags.ts";

export const create: Command<ContainerValues> = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: withContainerFlags({}),
  optionsEnd: "first",
  completes: ["image", "none"],
  examples: ["tare create --name web busybox httpd -f", "tare create -it debian bash"],
  async run(call) {
    const { values, given, positional, context } = call;
    const [image = "", ...command] = positional;
    const { cwd, env } = context;
    const request = toContainer({ values, given, image, command, isDetached: false, cwd, env });
    call.out(`${await createContainer(call, request, { makePod: makePodOf(call) })}\n`);
    return 0;
  },
};
