import type { HostFinding } from "../../model/host-check.ts";
import { installCommands } from "./distribution.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";
import { findAppArmorFault } from "./kernel-findings.ts";
import { optionalPrograms } from "./programs.ts";

const programs = inGroup("programs");

/** Pure. */
export function findProgramFaults(facts: HostFacts): readonly HostFinding[] {
  return optionalPrograms.map(({ name, packages, without, isForPeople }) => {
    if (facts.programs[name] === true) return programs(name, "present");
    const fix = installCommands(facts.distribution, packages);
    const defect =
      name === "apparmor_parser"
        ? (findAppArmorFault(facts) ?? { status: "info" as const, affects: without })
        : { status: "info" as const, affects: without, fix };
    return programs(
      name,
      isForPeople === true ? "missing; Tare does not start it itself" : "missing",
      defect,
    );
  });
}
