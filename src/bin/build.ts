import { version } from "../base/version.ts";

/** The identity of this build. The id is a hash of its sources: clients and daemons of one build have the same. */
export const build: { readonly version: string; readonly commit: string; readonly id: string } = {
  version,
  commit: typeof TARE_BUILD_ID === "string" ? TARE_BUILD_ID : "from-source",
  id: typeof TARE_BUILD_ID === "string" ? TARE_BUILD_ID : "from-source",
};

const buildFile = (socketPath: string): string => `${socketPath}.build`;

const managedFile = (socketPath: string): string => `${socketPath}.managed`;

/**
 * Writes the daemon's build into a file next to the socket: a file is cheaper to read than a request. `isManaged`: a
 * service manager starts the daemon, so commands of other builds must not replace it.
 */
export function publishBuild(socketPath: string, { isManaged }: { readonly isManaged: boolean }): void {
  const { renameSync, rmSync, writeFileSync } = process.getBuiltinModule("node:fs");
  if (isManaged) writeFileSync(managedFile(socketPath), "", { mode: 0o640 });
  else rmSync(managedFile(socketPath), { force: true });
  const draft = `${buildFile(socketPath)}.new`; // one that a killed daemon left is replaced
  writeFileSync(draft, build.id, { mode: 0o640 });
  renameSync(draft, buildFile(socketPath));
}

/**
 * The build that last served at the socket; undefined when that was no daemon of ours. Every command asks, and most
 * need nothing else of node:fs, which takes longer to load than reading a file that is mapped.
 */
export function findDaemonBuild(socketPath: string): string | undefined {
  try {
    return Buffer.from(Bun.mmap(buildFile(socketPath), { shared: false })).toString();
  } catch {
    return undefined;
  }
}

/** Whether a service manager starts the daemon that last served there. */
export function isManagedDaemon(socketPath: string): boolean {
  return process.getBuiltinModule("node:fs").existsSync(managedFile(socketPath));
}
