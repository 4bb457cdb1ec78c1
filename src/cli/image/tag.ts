import type { Command } from "../command.ts";
import { splitName } from "../image-name.ts";

export const tag: Command<object> = {
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  takes: [2, 2],
  flags: {},
  completes: ["image"],
  async run(call) {
    const [source = "", target = ""] = call.positional;
    const client = await call.client();
    await client.images.tag(source, splitName(target));
    return 0;
  },
};
