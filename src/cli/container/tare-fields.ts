import type { HostConfig, TareHostConfig } from "../../api/types/host-config.ts";
import type { ContainerValues } from "./values.ts";

/** `HostConfig.Tare`: what the flags ask for that Docker has no field for. Left out when they ask for nothing. */
export function planTareFields(values: ContainerValues): Pick<HostConfig, "Tare"> {
  const fields: TareHostConfig = {
    ...(values.umask === "" ? {} : { Umask: values.umask }),
    ...(values["time-offset"] === "" ? {} : { TimeOffset: values["time-offset"] }),
  };
  return Object.keys(fields).length === 0 ? {} : { Tare: fields };
}
