import type { Command } from "../command.ts";
import { list, map, string } from "../flags/kinds.ts";
import { checkLabel, splitLabel } from "../flags/label.ts";

interface Values {
  readonly driver: string;
  readonly label: readonly string[];
  readonly opt: Readonly<Record<string, string>>;
}

export const volumeCreate: Command<Values> = {
  usage: "[OPTIONS] [VOLUME]",
  takes: [0, 1],
  flags: {
    driver: string("Specify volume driver name", { short: "d", initial: "local" }),
    label: list("Set metadata for a volume", { check: checkLabel }),
    opt: map("Set driver specific options", { short: "o" }),
  },
  completes: ["none"],
  examples: [
    "tare volume create data",
    "tare volume create -o type=tmpfs -o device=tmpfs -o o=size=100m,uid=1000 scratch",
    "tare volume create -o type=none -o o=bind -o device=/srv/data data",
  ],
  async run(call) {
    const { driver, label, opt } = call.values;
    const [name] = call.positional;
    const client = await call.client();
    const made = await client.volumes.create({
      Driver: driver,
      DriverOpts: opt,
      Labels: Object.fromEntries(label.map(splitLabel)),
      Name: name,
    });
    call.out(`${made.Name}\n`);
    return 0;
  },
};
