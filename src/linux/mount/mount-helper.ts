import type { Fd, OwnedFd } from "../kernel/fd.ts";

/** A directory, by a path below a descriptor. `detached`: the descriptor is a mount that is in no mount namespace. */
export interface MountPlace {
  readonly fd: Fd;
  readonly path: string;
  readonly detached?: boolean | undefined;
}

/** Keys and values must hold no comma; places no colon in their paths. */
export interface OverlayOrder {
  /** From the topmost to the lowest, at least one. */
  readonly lowers: readonly MountPlace[];
  /** Both on one mount. Absent: read-only. */
  readonly writable?: { readonly upper: MountPlace; readonly work: MountPlace } | undefined;
  readonly options: readonly (readonly [key: string, value: string])[];
}

/**
 * Makes mounts for which the kernel wants attached ones: a throw-away process with a mount namespace of its own
 * attaches what is needed, out of everybody's sight, and hands out the result, detached.
 * KERNEL(6.15): before, nothing can be composed of detached mounts; before 6.7 overlay's layers have to fit into one page.
 */
export interface MountHelper {
  /** A new overlay, detached; the caller disposes of it. Detached places are used up. */
  mountOverlay(order: OverlayOrder): Promise<OwnedFd>;
}
