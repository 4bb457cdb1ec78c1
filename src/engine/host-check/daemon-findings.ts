import type { HostFinding } from "../../model/host-check.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";

const daemon = inGroup("daemon");

/** Pure. */
export function findDaemonFaults(facts: HostFacts): readonly HostFinding[] {
  return [reach(facts), ...versions(facts), ...socket(facts), service(facts)];
}

function reach({
  daemon: { state, host, problem, hasService, group },
  privileges: { uid },
}: HostFacts): HostFinding {
  const start = hasService ? ["systemctl start tare"] : ["tare ps"];
  switch (state) {
    case "serves":
      return daemon("reachable", `serves at ${host}`);
    case "foreign":
      return daemon("reachable", `another engine serves at ${host}`, {
        status: "info",
        fix: ["unset TARE_HOST DOCKER_HOST"],
      });
    case "absent":
    case "refused":
      return daemon("reachable", `nothing serves at ${host}; a command of root starts the daemon`, {
        status: hasService ? "warning" : "info",
        affects: hasService ? "commands of ordinary users" : undefined,
        fix: start,
      });
    case "denied":
      return daemon("reachable", `this user may not use ${host}`, {
        status: uid === 0 ? "missing" : "warning",
        affects: "all commands of this user but with sudo",
        fix:
          group === undefined || group.gid === 0
            ? ["sudo tare ps"]
            : [`usermod -aG ${group.name} $USER`, `newgrp ${group.name}`],
      });
    case "silent":
      return daemon("reachable", `the daemon at ${host} does not answer`, {
        status: "missing",
        affects: "all commands; containers keep running",
        fix: hasService ? ["systemctl restart tare"] : ["tare daemon stop"],
      });
    case "failed":
      return daemon("reachable", problem ?? "failed", { status: "missing", affects: "all commands" });
    default:
      return state satisfies never;
  }
}

function versions({ daemon: { state, version, buildId, client, hasService } }: HostFacts): HostFinding[] {
  if (state !== "serves") return [];
  if (client === undefined) return [daemon("version", version ?? "unknown")];
  if (version === client.version && buildId === client.buildId)
    return [daemon("version", `${version}, equal to this command's`)];
  return [
    daemon(
      "version",
      `${version ?? "unknown"} (build ${buildId ?? "unknown"}), this command is ${client.version} (build ${client.buildId})`,
      {
        status: "warning",
        affects: "what is new in one of them",
        fix: hasService ? ["systemctl restart tare"] : ["tare daemon stop", "tare ps"],
      },
    ),
  ];
}

function socket({
  daemon: { socketMode: mode, group, isInGroup, host },
  privileges: { uid },
}: HostFacts): HostFinding[] {
  if (group === undefined) return [];
  const { name, gid } = group;
  const text = `mode 0${(mode ?? 0).toString(8)}, group ${name}`;
  const path = host.replace(/^unix:\/\//, "");
  const isOpen = mode !== undefined && (mode & 0o007) !== 0;
  const findings = [
    ...(mode === undefined || isOpen ? [] : [daemon("socket", text)]),
    ...(isOpen
      ? [
          daemon("socket", text, {
            status: "warning",
            affects: "security: every user of this host can become root",
            fix: [`chmod o= ${path}`],
          }),
        ]
      : []),
  ];
  if (uid === 0 || isInGroup === undefined) return findings;
  if (isInGroup) return [...findings, daemon("group", `this user is in ${name}`)];
  return [
    ...findings,
    daemon("group", `this user is not in ${name}`, {
      status: "warning",
      affects: "all commands of this user but with sudo; members of the group can become root",
      fix:
        gid === 0
          ? ["tare system install --socket-group tare"]
          : [`usermod -aG ${name} $USER`, `newgrp ${name}`],
    }),
  ];
}

function service({ hasSystemd, daemon: { hasService } }: HostFacts): HostFinding {
  if (hasService) return daemon("service", "systemd starts it");
  if (!hasSystemd) return daemon("service", "no systemd here", { status: "info" });
  return daemon("service", "none", {
    status: "info",
    affects: "containers with a restart policy do not start at boot",
    fix: ["tare system install"],
  });
}
