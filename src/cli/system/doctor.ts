import type { HostFinding as FindingRow } from "../../api/types/tare.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import type { HostFinding } from "../../model/host-check.ts";
import type { Command } from "../command.ts";
import { longObjectFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { compileTemplate } from "../format/template.ts";

interface DoctorValues {
  readonly format: string;
  readonly quiet: boolean;
}

export const doctor: Command<DoctorValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    format: longObjectFormat,
    quiet: bool("Print warnings and missing things only", { short: "q" }),
  },
  startsDaemon: false,
  description:
    "Checks the host: kernel, cgroups, limits, firewall, disk, clock, name servers, optional programs and the daemon. Prints what is there or missing, what does not work without it, and the commands that fix it here. Needs no daemon and starts none; an ordinary user sees less than root. Changes nothing. Exit status: 1 if something that Tare needs is missing. The state of the engine itself is checked by `tare system check`.",
  examples: [
    "tare doctor",
    "tare doctor --quiet",
    "tare --data-root /srv/tare doctor",
    "tare doctor --format json",
    "tare doctor --format '{{.Status}} {{.Group}} {{.Check}}: {{.Found}}'",
  ],
  async run(call) {
    const { format, quiet } = call.values;
    const template = format === "" || format === "json" ? undefined : compileTemplate(format);
    const all = await call.context.checkHost(call.globals);
    const shown = quiet ? all.filter(isFault) : all;
    if (format === "") call.out(quoteControls(formatFindings(shown) + summarize(all)));
    for (const row of format === "" ? [] : shown.map(rowOf)) {
      call.out(`${template?.render(row, { rowName: "finding" }) ?? JSON.stringify(row)}\n`);
    }
    return all.some(({ status }) => status === "missing") ? 1 : 0;
  },
};

function isFault({ status }: HostFinding): boolean {
  return status === "missing" || status === "warning";
}

function rowOf({ group, check, status, found, affects = "", fix }: HostFinding): FindingRow {
  return { Group: group, Check: check, Status: status, Found: found, Affects: affects, Fix: fix };
}

/** By group: a line for each finding, and for what is not in order what it affects and how it is fixed. */
function formatFindings(findings: readonly HostFinding[]): string {
  const groups = [...new Set(findings.map(({ group }) => group))];
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  return groups
    .map((group) => {
      const lines = findings
        .filter((finding) => finding.group === group)
        .map(({ status, check, found, affects, fix }) => {
          const more = [
            ...(affects === undefined ? [] : [`affects: ${affects}`]),
            ...(fix.length === 0 ? [] : [`fix: ${fix.join(" && ")}`]),
          ];
          return `  ${status.padEnd(7)}  ${check.padEnd(width)}  ${found}\n${more.map((line) => `           ${line}\n`).join("")}`;
        });
      return `${group}\n${lines.join("")}`;
    })
    .join("\n");
}

function summarize(findings: readonly HostFinding[]): string {
  const count = (status: HostFinding["status"]): number =>
    findings.filter((finding) => finding.status === status).length;
  const [missing, warnings] = [count("missing"), count("warning")];
  const rest = `${warnings} warning${warnings === 1 ? "" : "s"}`;
  return missing === 0 ? `\nNothing is missing, ${rest}.\n` : `\n${missing} missing, ${rest}.\n`;
}
