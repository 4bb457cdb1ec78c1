import type { Fd, OwnedFd } from "../kernel/fd.ts";

/** A directory, by a path below a descriptor. `detached`: the descriptor is a mount that is in no mount namespace. */
export interface MountSource {
  readonly fd: Fd;
  readonly path: string;
  readonly detached?: boolean | undefined;
}

/** Keys and values must contain no comma; paths must contain no colon. */
export interface OverlayOrder {
  /** From the topmost to the lowest, at least one. */
  readonly lowers: readonly MountSource[];
  /** Both on one mount. Absent: read-only. */
  readonly writable?: { readonly upper: MountSource; readonly work: MountSource } | undefined;
  readonly options: readonly (readonly [key: string, value: string])[];
}

/**
 * Makes mounts that the kernel composes only of attached mounts. A short-lived process with a private mount namespace
 * attaches the required mounts and returns the result detached. KERNEL(6.15): older kernels cannot compose detached
 * mounts; before 6.7 overlay's layers have to fit into one page.
 */
export interface MountHelper {
  /** Makes a new overlay, detached; the caller disposes of it. Detached paths are consumed. */
  mountOverlay(order: OverlayOrder): Promise<OwnedFd>;
}
