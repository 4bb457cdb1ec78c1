import type { HostConfig, TareHostConfig } from "../../../api/types/host-config.ts";
import { paths } from "../../builtin-modules.ts";
import { optionFailure } from "../../flags/flag.ts";
import { podNamed } from "./pod-of-container.ts";
import { planNotified, planPodmanFields } from "../flags/podman-flags.ts";
import type { ContainerValues } from "../flags/values.ts";

/** `HostConfig.Tare`: what the flags ask for that Docker has no field for. Left out when they ask for nothing. */
export function planTareFields(
  values: ContainerValues,
  { env, cwd }: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd: string },
): Pick<HostConfig, "Tare"> {
  if (values["no-hosts"] && values["hosts-file"] !== "")
    throw optionFailure("--no-hosts and --hosts-file cannot be set together");
  const pod = podNamed(values, cwd);
  const fields: TareHostConfig = {
    ...(values.umask === "" ? {} : { Umask: values.umask }),
    ...(values.personality === "" ? {} : { Personality: values.personality }),
    ...(values["no-hosts"] ? { NoHosts: true } : {}),
    ...(values["no-hostname"] ? { NoHostname: true } : {}),
    ...(values["time-offset"] === "" ? {} : { TimeOffset: values["time-offset"] }),
    ...(Object.keys(values["hugetlb-limit"]).length === 0 ? {} : { HugePageLimits: values["hugetlb-limit"] }),
    ...(pod === undefined ? {} : { Pod: pod }),
    ...planPodmanFields(values),
    ...(values.pidfile === "" ? {} : { PidFile: paths().resolve(cwd, values.pidfile) }),
    ...(values["conmon-pidfile"] === ""
      ? {}
      : { KeeperPidFile: paths().resolve(cwd, values["conmon-pidfile"]) }),
    ...(values["unsetenv-all"] ? { UnsetEnvAll: true } : {}),
    ...planNotified(values, { env, pid: process.pid }),
    ...(Object.keys(values["cgroup-conf"]).length === 0 ? {} : { CgroupConf: values["cgroup-conf"] }),
  };
  return Object.keys(fields).length === 0 ? {} : { Tare: fields };
}
