import type { Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";

interface RepairValues {
  readonly confirm: boolean;
}

export const systemRepair: Command<RepairValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { confirm: bool("Allow garbage collection again after a repair") },
  description:
    "Makes new records for a data root whose state.db is lost or damaged: from the newest good copy, then from what the disk and running containers show. Stop the daemon first. Nothing is removed from the data root until you confirm the result.",
  examples: ["tare system repair", "tare system repair --confirm"],
  async run(call) {
    if (call.values.confirm) {
      const isDone = await call.context.confirmRepair(call.globals);
      call.out(isDone ? "Confirmed: garbage is collected again.\n" : "There is no repair to confirm.\n");
      return 0;
    }
    const report = await call.context.repair(call.globals);
    if (report === undefined) {
      call.out("The records are sound: there is nothing to repair.\n");
      return 0;
    }
    call.out(`The records were made from ${report.source}.\n`);
    if (report.asideAt !== undefined) call.out(`The damaged database is in ${report.asideAt}.\n`);
    call.out(list("Added from the disk", report.added));
    call.out(list("Lost", report.lost));
    call.out(
      "Nothing is removed as garbage until you confirm: look at `tare ps -a` and `tare images`, stop the daemon, then run: tare system repair --confirm\n",
    );
    return 0;
  },
};

function list(title: string, entries: readonly string[]): string {
  return entries.length === 0 ? "" : `${title}:\n${entries.map((entry) => `  ${entry}\n`).join("")}`;
}
