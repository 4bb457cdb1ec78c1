import type { HostConfig } from "../../../api/types/host-config.ts";
import { Failure } from "../../../base/failure.ts";
import type { TableOf } from "../../flags/flag.ts";
import { bytes, int, list, string } from "../../flags/kinds.ts";
import { keepDefined } from "../run/keep-fields.ts";

/** Flags about what runs a container and where; those of Windows change nothing here, as with Docker. */
export interface PlatformValues {
  readonly "cpu-count": number | undefined;
  readonly "cpu-percent": number | undefined;
  readonly "io-maxbandwidth": number | undefined;
  readonly "io-maxiops": number | undefined;
  readonly isolation: string;
  readonly runtime: string;
  readonly "storage-opt": readonly string[];
}

export const platformFlags: TableOf<PlatformValues> = {
  "cpu-count": int("CPU count (Windows only)"),
  "cpu-percent": int("CPU percent (Windows only)"),
  "io-maxbandwidth": bytes("Maximum IO bandwidth limit for the system drive (Windows only)"),
  "io-maxiops": int("Maximum IOps limit for the system drive (Windows only)", { type: "uint" }),
  isolation: string("Container isolation technology", { words: ["default"] }),
  runtime: string("Runtime to use for this container"),
  "storage-opt": list("Storage driver options for the container", { check: checkStorageOption }),
};

/** The fields of HostConfig that these flags ask for. */
export function planPlatformFlags(values: PlatformValues): HostConfig {
  const fields = {
    CpuCount: values["cpu-count"],
    CpuPercent: values["cpu-percent"],
    IOMaximumBandwidth: values["io-maxbandwidth"],
    IOMaximumIOps: values["io-maxiops"],
    Isolation: values.isolation === "" ? undefined : values.isolation,
    Runtime: values.runtime === "" ? undefined : values.runtime,
    StorageOpt:
      values["storage-opt"].length === 0
        ? undefined
        : Object.fromEntries(values["storage-opt"].map((text) => splitOnce(text))),
  };
  return keepDefined(fields);
}

function checkStorageOption(text: string): string {
  if (text.includes("=")) return text;
  throw new Failure("invalid", "invalid storage option");
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
