import type { HostFinding } from "../../model/host-check.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";

const daemon = inGroup("daemon");

/** Nothing where there are no CDI specifications, as on most hosts. Pure. */
export function findCdiFaults({ cdi: { devices, problems } }: HostFacts): readonly HostFinding[] {
  const [first, ...others] = devices;
  const count = others.length === 0 ? "" : ` and ${others.length} more`;
  if (problems.length === 0) return first === undefined ? [] : [daemon("CDI devices", `${first}${count}`)];
  const found = problems.map(({ path, problem }) => `${path}: ${problem}`).join("; ");
  return [
    daemon("CDI devices", found, {
      status: "warning",
      affects: "--device and --gpus with the devices of these files; other files are used",
    }),
  ];
}
