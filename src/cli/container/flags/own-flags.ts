import type { Mount } from "../../../api/types/host-config.ts";
import { Failure } from "../../../base/failure.ts";
import type { TableOf } from "../../flags/flag.ts";
import { bool, list, string } from "../../flags/kinds.ts";

/** Flags that Docker has not, and podman has. */
export interface OwnValues {
  readonly "env-host": boolean;
  readonly "http-proxy": boolean;
  readonly "no-hostname": boolean;
  readonly "no-hosts": boolean;
  readonly personality: string;
  readonly "read-only-tmpfs": boolean;
  readonly replace: boolean;
  readonly tz: string;
  readonly umask: string;
  readonly unsetenv: readonly string[];
  readonly "unsetenv-all": boolean;
}

export const ownFlags: TableOf<OwnValues> = {
  "env-host": bool("Set all environment variables of this command (Tare's own)"),
  "http-proxy": bool(
    "Set the proxy variables of this command (http_proxy, no_proxy, …); false: none of ~/.docker/config.json either (Tare's own)",
  ),
  "no-hostname": bool("Leave the image's /etc/hostname as it is (Tare's own)"),
  "no-hosts": bool("Leave the image's /etc/hosts as it is (Tare's own)"),
  personality: string("What uname(2) tells of the machine: LINUX or LINUX32 (Tare's own)", {
    words: ["LINUX", "LINUX32"],
  }),
  "read-only-tmpfs": bool("With --read-only, a tmpfs on /run, /tmp and /var/tmp (Tare's own)"),
  replace: bool("Remove a container that has the name already, by force (Tare's own)"),
  tz: string("Time zone: a name as Europe/Berlin, or \"local\" for the host's (Tare's own)", {
    check: checkZone,
  }),
  umask: string("File mode mask of the command, octal (Tare's own)"),
  unsetenv: list("Unset an environment variable of the image (Tare's own)", { check: checkName }),
  "unsetenv-all": bool("Set no environment variables but those of the flags, and HOME (Tare's own)"),
};

/** Podman's. */
const proxyVariables = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"] as const;

/** What comes before the variables that `--env` sets. */
export function ownEnvironment(
  values: OwnValues,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const host = values["env-host"]
    ? Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    : [];
  const proxies = values["http-proxy"]
    ? proxyVariables
        .flatMap((name) => [name, name.toUpperCase()])
        .flatMap((name) => (env[name] === undefined ? [] : [`${name}=${env[name]}`]))
    : [];
  const zone = values.tz === "" || values.tz === "local" ? [] : [`TZ=${values.tz}`];
  // A name without a value takes the image's away.
  return [...host, ...proxies, ...zone, ...values.unsetenv];
}

/** The time zone's file, from the host. */
export function ownMounts({ tz }: OwnValues): readonly Mount[] {
  if (tz === "") return [];
  const source = tz === "local" ? "/etc/localtime" : `/usr/share/zoneinfo/${tz}`;
  return [{ Type: "bind", Source: source, Target: "/etc/localtime", ReadOnly: true }];
}

const temporaryPlaces = ["/run", "/tmp", "/var/tmp"] as const;

/** Places that stay writable below a read-only root, but for those where something is mounted anyway. */
export function ownTmpfs(
  values: OwnValues & { readonly "read-only": boolean },
  findTaken: () => readonly (string | undefined)[],
): Readonly<Record<string, string>> {
  if (!values["read-only-tmpfs"] || !values["read-only"]) return {};
  const taken = findTaken();
  const free = temporaryPlaces.filter((path) => !taken.includes(path));
  return Object.fromEntries(free.map((path) => [path, path === "/run" ? "mode=755" : "mode=1777"]));
}

function checkZone(text: string): string {
  if (/^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,3}$/.test(text)) return text;
  throw new Failure("invalid", `invalid time zone "${text}"`);
}

function checkName(text: string): string {
  if (text !== "" && !text.includes("=")) return text;
  throw new Failure("invalid", `invalid environment variable name "${text}"`);
}
