import type { OwnValues } from "./own-flags.ts";
import type { PodmanValues } from "./podman-flags.ts";
import type { PlatformValues } from "./platform-flags.ts";
import type { ResourceValues } from "./resource-flags.ts";
import type { Mount } from "../../../api/types/host-config.ts";

import type { NetworkValues } from "./network-flags.ts";

/** What the flags that run and create share say, by long name. */
export interface ContainerValues
  extends ResourceValues,
    PlatformValues,
    OwnValues,
    PodmanValues,
    NetworkValues {
  readonly "add-host": readonly string[];
  readonly annotation: Readonly<Record<string, string>>;
  readonly attach: readonly string[];
  readonly "cap-add": readonly string[];
  readonly "cap-drop": readonly string[];
  readonly "cgroup-parent": string;
  readonly cgroupns: string;
  readonly cidfile: string;
  readonly "cpu-period": number | undefined;
  readonly "cpu-quota": number | undefined;
  readonly "cpu-shares": number | undefined;
  /** Billionths. */
  readonly cpus: number | undefined;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly device: readonly string[];
  readonly "device-cgroup-rule": readonly string[];
  readonly domainname: string;
  /** Empty removes the image's; undefined keeps it. */
  readonly entrypoint: string | undefined;
  readonly env: readonly string[];
  readonly "env-file": readonly string[];
  readonly gidmap: readonly string[];
  readonly "group-add": readonly string[];
  readonly hostname: string;
  readonly init: boolean;
  readonly interactive: boolean;
  readonly ipc: string;
  readonly label: readonly string[];
  readonly "label-file": readonly string[];
  readonly memory: number | undefined;
  /** −1: without limit. */
  readonly "memory-swap": number | undefined;
  readonly mount: readonly Mount[];
  readonly name: string;
  readonly "log-driver": string;
  readonly "log-opt": readonly string[];
  readonly "no-healthcheck": boolean;
  readonly "oom-score-adj": number | undefined;
  readonly pid: string;
  readonly "pids-limit": number | undefined;
  readonly platform: string;
  readonly privileged: boolean;
  readonly pull: string;
  readonly quiet: boolean;
  readonly "read-only": boolean;
  readonly restart: string;
  readonly rm: boolean;
  readonly "security-opt": readonly string[];
  readonly "shm-size": number | undefined;
  readonly "stop-signal": string;
  readonly "stop-timeout": number | undefined;
  readonly "time-offset": string;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly tmpfs: readonly string[];
  readonly tty: boolean;
  readonly ulimit: readonly string[];
  readonly uidmap: readonly string[];
  readonly user: string;
  readonly "use-api-socket": boolean;
  readonly userns: string;
  readonly uts: string;
  readonly volume: readonly string[];
  readonly "volume-driver": string;
  readonly "volumes-from": readonly string[];
  readonly workdir: string;
}
