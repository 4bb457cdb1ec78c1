import { Failure } from "../base/failure.ts";
import { isOneOf } from "../base/keys.ts";
import type { TableOf } from "./flags/flag.ts";
import { bool, bytes, int, list, map, optional } from "./flags/kinds.ts";
import { checkLabel } from "./flags/label.ts";
import { globalFlags, type GlobalValues } from "./global-flags.ts";

/** Values of the flags that only `tare daemon` has. */
interface DaemonOnlyValues {
  readonly "allow-unauthenticated-tcp": boolean;
  readonly "authorization-plugin": readonly string[];
  readonly "auto-started": boolean;
  readonly "cdi-spec-dir": readonly string[];
  readonly "cni-bin-dir": readonly string[];
  readonly "cni-conf-dir": string | undefined;
  readonly cri: string | undefined;
  readonly "default-address-pool": readonly string[];
  readonly "default-cgroupns-mode": string | undefined;
  readonly "default-ipc-mode": string | undefined;
  readonly "default-shm-size": number | undefined;
  readonly "default-ulimit": readonly string[];
  readonly dns: readonly string[];
  readonly "dns-opt": readonly string[];
  readonly "dns-search": readonly string[];
  readonly feature: Readonly<Record<string, string>>;
  readonly "http-proxy": string | undefined;
  readonly "https-proxy": string | undefined;
  readonly init: boolean;
  readonly "insecure-registry": readonly string[];
  readonly label: readonly string[];
  readonly "live-restore": boolean;
  readonly "log-driver": string | undefined;
  readonly "log-format": string | undefined;
  readonly "log-level": string | undefined;
  readonly "log-opt": Readonly<Record<string, string>>;
  readonly "max-concurrent-downloads": number | undefined;
  readonly "max-concurrent-uploads": number | undefined;
  readonly "metrics-addr": string | undefined;
  readonly "no-new-privileges": boolean;
  readonly "no-proxy": string | undefined;
  readonly pidfile: string | undefined;
  readonly "registry-mirror": readonly string[];
  readonly "shutdown-timeout": number | undefined;
  readonly "userland-proxy": boolean;
  readonly validate: boolean;
}

const daemonOnlyFlags: TableOf<DaemonOnlyValues> = {
  "allow-unauthenticated-tcp": bool(
    "Serve TCP clients without a TLS certificate, too: everyone who reaches the port is root on this machine",
  ),
  "authorization-plugin": list("Authorization plugins to load"),
  "auto-started": bool("A command starts the daemon for its own use", { isHidden: true }),
  "cdi-spec-dir": list("CDI specification directories to use (default /etc/cdi and /var/run/cdi)", {
    isFile: true,
  }),
  "cni-bin-dir": list("Directories of CNI plugins, for --cri (default /opt/cni/bin and /usr/lib/cni)", {
    isFile: true,
  }),
  "cni-conf-dir": optional("Directory of the CNI configuration, for --cri (default /etc/cni/net.d)", {
    isFile: true,
  }),
  cri: {
    ...optional("Serve Kubernetes' CRI at a Unix socket (default unix:///run/tare/cri.sock)"),
    type: "",
  },
  "default-address-pool": list("Default address pools for networks (base=10.10.0.0/16,size=24)", {
    type: "pool-options",
  }),
  "default-cgroupns-mode": optional(
    'Default mode for containers cgroup namespace ("host" | "private") (default "private")',
    { words: ["host", "private"] },
  ),
  "default-ipc-mode": optional(
    'Default mode for containers ipc ("shareable" | "private") (default "private")',
    { words: ["shareable", "private"] },
  ),
  "default-shm-size": bytes("Default shm size for containers (default 64MiB)"),
  "default-ulimit": list("Default ulimits for containers", { type: "ulimit" }),
  dns: list("DNS server to use"),
  "dns-opt": list("DNS options to use"),
  "dns-search": list("DNS search domains to use"),
  feature: map("Enable feature in the daemon"),
  "http-proxy": optional("HTTP proxy URL to use for outgoing traffic"),
  "https-proxy": optional("HTTPS proxy URL to use for outgoing traffic"),
  init: bool("Run an init in the container to forward signals and reap processes"),
  "insecure-registry": list("Enable insecure registry communication"),
  label: list("Set key=value labels to the daemon", { check: checkLabel }),
  "live-restore": bool("Keep containers running without the daemon; it cannot be switched off", {
    initial: true,
  }),
  "log-driver": optional("Default driver for container logs"),
  "log-format": optional('Set the format of the daemon\'s log ("text"|"json") (default "text")', {
    words: ["text", "json"],
  }),
  "log-level": optional("Set the level of the daemon's log (debug, info, warn, error, fatal; default info)", {
    short: "l",
    words: ["debug", "info", "warn", "error", "fatal"],
  }),
  "log-opt": map("Default log driver options for containers"),
  "max-concurrent-downloads": int("Set the max concurrent downloads of a pull (default 3)"),
  "max-concurrent-uploads": int("Set the max concurrent uploads of a push (default 5)"),
  "metrics-addr": optional("Set address and port to serve the metrics API on (127.0.0.1:9323)", {
    type: "address",
  }),
  "no-new-privileges": bool("Set no-new-privileges by default for new containers"),
  "no-proxy": optional("Comma-separated list of hosts or IP addresses for which the proxy is skipped"),
  pidfile: optional("Path to use for the daemon's PID file", { short: "p", isFile: true }),
  "registry-mirror": list("Preferred registry mirror"),
  "shutdown-timeout": int("Accepted for compatibility: a stopping daemon stops no container"),
  "userland-proxy": bool("Relay published ports from the host's IPv6 addresses to containers without IPv6", {
    initial: true,
  }),
  validate: bool("Validate daemon configuration and exit"),
};

/** All flags of `tare daemon`: those before a command, and its own. */
export interface DaemonValues extends Omit<GlobalValues, "host" | "log-level">, DaemonOnlyValues {
  readonly host: readonly string[];
}

export const daemonFlags: TableOf<DaemonValues> = {
  ...globalFlags,
  host: list(
    "Daemon socket to listen on (unix:///path, tcp://address:port, or fd:// for the service manager's)",
    { short: "H" },
  ),
  ...daemonOnlyFlags,
};

/** Throws Failure("invalid") for a value that is none of the words. */
export function requireWord<Word extends string>(
  flag: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined || isOneOf(words, text)) return text;
  throw new Failure("invalid", `invalid --${flag} "${text.slice(0, 50)}": want one of ${words.join(", ")}`);
}
