import type { OwnedFd } from "../../linux/kernel/fd.ts";
import type { MountedSnapshot } from "../driver.ts";

/** Both, which go together. */
export function mountedSnapshot(mount: OwnedFd, lock: OwnedFd): MountedSnapshot {
  return {
    mount,
    lock,
    [Symbol.dispose]: () => {
      mount[Symbol.dispose]();
      lock[Symbol.dispose]();
    },
  };
}
