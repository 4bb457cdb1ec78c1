import { Failure } from "../../base/failure.ts";
import { parseTmpfsOptions } from "../../linux/mount/mount-options.ts";
import type { CdiEdits } from "../../spec/cdi.ts";
import { isCdiName } from "../../spec/cdi-name.ts";
import type { RuntimeMount } from "../../spec/runtime-config.ts";
import type { DeviceRequestSpec } from "../../model/devices.ts";
import { cleanPath, isWithin } from "./clean-path.ts";
import { type HookEffects, resolveHooks } from "./device-hooks.ts";

/** The drivers of GPUs and their kinds of CDI devices. The first whose kind has devices serves requests without one. */
const gpuDrivers = [
  ["nvidia", "nvidia.com/gpu"],
  ["amd", "amd.com/gpu"],
] as const;

/** SPEC: dockerd's capabilities of its GPU drivers. The specification of a device decides what the container gets. */
const gpuCapabilities: Readonly<Record<(typeof gpuDrivers)[number][0], ReadonlySet<string>>> = {
  nvidia: new Set(["gpu", "nvidia", "compute", "compat32", "graphics", "utility", "video", "display"]),
  amd: new Set(["gpu", "amd"]),
};

/**
 * The names of the CDI devices that were requested, each once. `known` are those of the specifications. Throws
 * Failure("invalid"), in dockerd's words, for requests without a driver and for devices that are in no specification.
 */
export function resolveDeviceRequests(
  requests: readonly DeviceRequestSpec[],
  {
    known,
    isEnabled = true,
  }: { readonly known: ReadonlySet<string>; readonly isEnabled?: boolean | undefined },
): readonly string[] {
  const names = new Set(
    requests.flatMap((request) => {
      if (isEnabled) return namesOf(request, known);
      throw withoutDriver(request);
    }),
  );
  const missing = [...names].filter((name) => !known.has(name));
  if (missing.length === 0) return [...names];
  throw refused(`CDI device injection failed: unresolvable CDI devices ${missing.join(", ").slice(0, 500)}`);
}

function namesOf(request: DeviceRequestSpec, known: ReadonlySet<string>): readonly string[] {
  const { driver, count, ids } = request;
  if (driver === "cdi") {
    if (count !== 0) throw refused("unexpected count in CDI device request");
    if (Object.keys(request.options).length > 0) throw refused("unexpected options in CDI device request");
    return ids;
  }
  const kind = gpuKindOf(request, known);
  if (kind === undefined) throw withoutDriver(request);
  if (count !== 0 && ids.length > 0) throw refused("cannot set both Count and DeviceIDs on device request");
  if (ids.length > 0) return ids.map((id) => (!isCdiName(id) ? `${kind}=${id}` : id));
  if (count < 0) return [`${kind}=all`];
  // Not more names than can be there: the first that is missing is reported.
  const most = [...known].filter((name) => name.startsWith(`${kind}=`)).length + 1;
  return Array.from({ length: Math.min(count, most) }, (_, at) => `${kind}=${at}`);
}

/** Of GPUs, when the request asks for such. */
function gpuKindOf(
  { driver, capabilities }: DeviceRequestSpec,
  known: ReadonlySet<string>,
): string | undefined {
  const names = [...known];
  return gpuDrivers.find(
    ([name, kind]) =>
      (driver === "" || driver === name) &&
      capabilities.some((all) => all.length > 0 && all.every((each) => gpuCapabilities[name].has(each))) &&
      names.some((device) => device.startsWith(`${kind}=`)),
  )?.[1];
}

function withoutDriver({ driver, capabilities }: DeviceRequestSpec): Failure {
  const lists = capabilities.map((all) => `[${all.join(" ")}]`).join(" ");
  return refused(
    `could not select device driver ${JSON.stringify(driver.slice(0, 100))} with capabilities: [${lists.slice(0, 300)}]`,
  );
}

/** In dockerd's words. */
function refused(sentence: string): Failure {
  return new Failure("invalid", sentence, { details: { deviceRequest: true } });
}

/** Edits, and the file that they are from. */
export type SourcedEdits = CdiEdits & { readonly path: string };

/** The edits of several specifications and devices together. */
export interface MergedEdits extends Omit<CdiEdits, "hooks"> {
  readonly hooks: HookEffects;
}

/** Throws Failure("unsupported") for hooks that Tare does not apply. */
export function mergeCdiEdits(all: readonly SourcedEdits[]): MergedEdits {
  return {
    env: all.flatMap(({ env }) => env),
    deviceNodes: all.flatMap(({ deviceNodes }) => deviceNodes),
    mounts: all.flatMap(({ mounts }) => mounts),
    hooks: resolveHooks(all.flatMap(({ path, hooks }) => hooks.map((hook) => ({ path, hook })))),
    additionalGids: [...new Set(all.flatMap(({ additionalGids }) => additionalGids))],
  };
}

/** Throws Failure("invalid") for targets where no mount may be, and for options that a tmpfs does not have. */
export function toRuntimeMounts(mounts: CdiEdits["mounts"]): readonly RuntimeMount[] {
  const byTarget = new Map<string, RuntimeMount>();
  for (const { hostPath, containerPath, options, type = "bind" } of mounts) {
    const destination = checkTarget(containerPath, "mounts on");
    if (type === "tmpfs") parseTmpfsOptions(options.join(","));
    const isBind = options.some((option) => option === "bind" || option === "rbind");
    const bind = type === "bind" && !isBind ? ["rbind"] : [];
    byTarget.set(destination, { destination, type, source: hostPath, options: [...bind, ...options] });
  }
  return [...byTarget.values()];
}

/** A clean path. SAFETY: nothing of a device may take the masks and the kernel's own files away, or hide /dev. */
export function checkTarget(path: string, does: string): string {
  const clean = cleanPath(path);
  const isKernels = ["/proc", "/sys"].some((each) => isWithin(clean, each));
  if (isKernels || clean === "/dev" || clean === "/")
    throw new Failure("invalid", `cannot use a CDI device: it ${does} "${clean.slice(0, 200)}"`);
  return clean;
}
