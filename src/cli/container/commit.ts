import type { Command } from "../command.ts";
import { bool, list, string } from "../flags/kinds.ts";
import { splitName } from "../image-name.ts";

interface Values {
  readonly author: string;
  readonly change: readonly string[];
  readonly message: string;
  readonly pause: boolean;
}

export const commit: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  takes: [1, 2],
  flags: {
    author: string('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: "a" }),
    change: list("Apply Dockerfile instruction to the created image", { short: "c" }),
    message: string("Commit message", { short: "m" }),
    pause: bool("Pause container during commit", { short: "p", initial: true }),
  },
  completes: ["container", "none"],
  examples: ["tare commit web web:patched", "tare commit -c 'CMD [\"/start\"]' -m fixed web web:2"],
  async run(call) {
    const { author, change, message, pause } = call.values;
    const [container = "", reference] = call.positional;
    const client = await call.client();
    const { Id } = await client.containers.commit(container, {
      ...(reference === undefined ? {} : splitName(reference)),
      message: message || undefined,
      author: author || undefined,
      changes: change,
      pause,
      signal: call.signal,
    });
    call.out(`${Id}\n`);
    return 0;
  },
};
