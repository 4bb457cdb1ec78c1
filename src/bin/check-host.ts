import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GlobalOptions } from "../cli/context.ts";
import { checkHost as check } from "../library/check-host.ts";
import type { HostFinding } from "../model/host-check.ts";
import { build } from "./build.ts";
import { loadAddonFrom } from "./embedded.ts";

/** `tare doctor`: runs in this process, as the calling user. Leaves nothing behind. */
export async function checkHost({ host, dataRoot, runRoot }: GlobalOptions): Promise<readonly HostFinding[]> {
  loadAddon(runRoot ?? "/run/tare");
  return await check({ host, dataRoot, runRoot }, { version: build.version, buildId: build.id });
}

/**
 * Loads it from a private directory that is removed at once: an ordinary user has no run root, and root may not have
 * started a daemon yet. When no directory can be used, the findings report it. SAFETY: mkdtemp(3) makes it 0700; no
 * other user can rename it in root's sticky or unwritable directory. The environment chooses the directory for an
 * ordinary user only, who trusts their own environment.
 */
function loadAddon(runRoot: string): void {
  const isRoot = process.getuid?.() === 0;
  const chosen = isRoot ? ["/run"] : [process.env["XDG_RUNTIME_DIR"] ?? "/nonexistent", tmpdir()];
  for (const parent of [...chosen, "/dev/shm", "/tmp", "/var/tmp", runRoot]) {
    try {
      const directory = mkdtempSync(join(parent, "tare-doctor-"));
      try {
        loadAddonFrom(directory);
        return;
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    } catch {
      // Read-only, noexec or not ours: the next one.
    }
  }
}
