import { Failure } from "../../../base/failure.ts";
import type { Flag, FlagTable } from "../../flags/flag.ts";
import { bool, string } from "../../flags/kinds.ts";

/** Flags of `docker run` that Tare recognizes, but does not support yet: it rejects each of them by name. */
export const laterFlags: FlagTable = {
  "disable-content-trust": bool("Skip image verification", { initial: true, isHidden: true }),
};

/** Flags of Podman that Tare cannot support, each with the reason and what to do instead. Help does not show them. */
export const refusedFlags: FlagTable = {
  "init-path": refused("the init is part of Tare and cannot be replaced; use --init"),
  rootfs: {
    ...refused(
      "a directory of the host cannot be the root file system; make an image of it (tar -C DIR -c . | tare import - NAME)",
    ),
    type: "",
  },
  // Of create; run has them.
  "preserve-fd": refused("descriptors are passed to a program that starts; use tare run"),
  "preserve-fds": refused("descriptors are passed to a program that starts; use tare run"),
};

function refused(reason: string): Flag<string> {
  return {
    ...string(""),
    isHidden: true,
    add: () => {
      throw new Failure("unsupported", reason);
    },
  };
}
