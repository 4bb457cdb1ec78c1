import type { RuntimeDevice } from "../../spec/runtime-config.ts";

function character(path: string, major: number, minor: number): RuntimeDevice {
  return { type: "c", path, major, minor, fileMode: 0o666, uid: 0, gid: 0 };
}

/** What every container finds in /dev. SPEC: runtime-spec config-linux.md, "Default Devices" */
export const defaultDevices: readonly RuntimeDevice[] = [
  character("/dev/null", 1, 3),
  character("/dev/zero", 1, 5),
  character("/dev/full", 1, 7),
  character("/dev/random", 1, 8),
  character("/dev/urandom", 1, 9),
  character("/dev/tty", 5, 0),
];

/** The default ones, then those of the host (for a privileged container) that are not among them. */
export function planDevices(host: readonly RuntimeDevice[]): readonly RuntimeDevice[] {
  const known = new Set(defaultDevices.map((device) => device.path));
  return [...defaultDevices, ...host.filter((device) => !known.has(device.path))];
}
