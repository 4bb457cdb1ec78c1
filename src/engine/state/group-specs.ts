import { parseTrustedJson } from "../../base/trusted-json.ts";
import type { DatabaseSync } from "node:sqlite";

/**
 * Groups of a container's specification and the members that version 0.1.0 wrote without them. Part of a migration:
 * never changed, whatever becomes of ContainerSpec.
 */
const groups: Readonly<Record<string, readonly string[]>> = {
  process: [
    "command",
    "entrypoint",
    "env",
    "envMerge",
    "clearEnv",
    "user",
    "groupAdd",
    "umask",
    "passwdEntry",
    "groupEntry",
    "hostUsers",
    "workingDirectory",
    "terminal",
    "consoleSize",
    "openStdin",
    "stdinOnce",
    "init",
    "systemd",
    "systemdTmpfsBytes",
    "personality",
  ],
  isolation: [
    "namespaces",
    "privileged",
    "capabilities",
    "noNewPrivileges",
    "seccomp",
    "appArmor",
    "selinux",
    "systemPaths",
    "maskedPaths",
    "readonlyPaths",
    "writableCgroups",
    "sysctls",
    "timeOffsets",
    "explainDenials",
    "recordCalls",
  ],
  resources: [
    "limits",
    "cgroupParent",
    "cgroups",
    "rdtClass",
    "rlimits",
    "oomScoreAdj",
    "devices",
    "deviceRules",
  ],
  storage: [
    "readOnlyRoot",
    "storageBytes",
    "shmBytes",
    "mounts",
    "volumes",
    "volumesFrom",
    "imageVolumes",
    "secrets",
    "log",
  ],
  network: [
    "hostname",
    "domainname",
    "networks",
    "ports",
    "exposedPorts",
    "publishAll",
    "dns",
    "dnsSearch",
    "dnsOptions",
    "extraHosts",
    "hostsFile",
    "ownsHosts",
    "ownsHostname",
    "chrootDirectories",
  ],
  lifecycle: [
    "autoRemove",
    "removeImage",
    "restartPolicy",
    "requires",
    "stopSignal",
    "stopGraceMs",
    "timeoutMs",
    "lifetime",
    "healthcheck",
    "notify",
    "pidFile",
    "keeperPidFile",
  ],
};

const groupOf = new Map(
  Object.entries(groups).flatMap(([group, names]) => names.map((name) => [name, group] as const)),
);

/** The specification with its members in their groups; other members stay at the top. Pure. */
export function groupSpec(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const grouped: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(spec)) {
    const group = groupOf.get(name);
    if (group === undefined) grouped[name] = value;
    else grouped[group] = Object.assign({}, grouped[group], { [name]: value });
  }
  return grouped;
}

interface Content {
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The migration of the records of version 0.1.0. The caller owns the transaction. */
export function groupSpecs(connection: DatabaseSync): void {
  const update = connection.prepare("UPDATE containers SET record = ? WHERE id = ?");
  // All first: the table does not change while it is read.
  for (const { id, record } of connection.prepare("SELECT id, record FROM containers").all()) {
    const content = parseTrustedJson<Content>(String(record));
    update.run(JSON.stringify({ ...content, spec: groupSpec(content.spec) }), id ?? null);
  }
}
