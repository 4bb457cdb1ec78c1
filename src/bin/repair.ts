import type { GlobalOptions, RepairSummary } from "../cli/context.ts";
import { installAddon } from "./embedded.ts";
import { whenFree } from "./when-free.ts";

/** `tare system repair`: in this process, while no daemon has the roots. Undefined: there is nothing to repair. */
export async function repair(options: GlobalOptions): Promise<RepairSummary | undefined> {
  const { repairRecords } = await load(options);
  return await whenFree(socketOf(options), () => repairRecords(rootsOf(options)));
}

/** `tare system repair --confirm`. */
export async function confirmRepair(options: GlobalOptions): Promise<boolean> {
  const loaded = await load(options);
  return await whenFree(socketOf(options), () => loaded.confirmRepair(rootsOf(options)));
}

function socketOf({ host }: GlobalOptions): string {
  return host.slice("unix://".length);
}

function rootsOf({ dataRoot = "/var/lib/tare", runRoot = "/run/tare" }: GlobalOptions): {
  readonly dataRoot: string;
  readonly runRoot: string;
} {
  return { dataRoot, runRoot };
}

async function load(options: GlobalOptions): Promise<typeof import("../engine/repair/repair-records.ts")> {
  const { Failure } = await import("../base/failure.ts");
  if (process.getuid?.() !== 0) {
    throw new Failure("not-permitted", "cannot repair the records: it needs root; run it with sudo");
  }
  installAddon(rootsOf(options));
  return await import("../engine/repair/repair-records.ts");
}
