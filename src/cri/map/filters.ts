import type { CriObject } from "../../engine/cri-engine.ts";
import type { CriContainerSettings, CriSandboxSettings } from "../../model/cri.ts";
import type { Message } from "../codings.ts";
import { containerStateOf, sandboxStateOf } from "./status.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether a sandbox is among those that the filter selects. SPEC: all criteria have to match. */
export function sandboxFilter(
  filter: Message<"PodSandboxFilter"> | null,
): (sandbox: CriObject<CriSandboxSettings>) => boolean {
  if (filter === null) return () => true;
  return (sandbox) =>
    sandbox.id.startsWith(filter.id) &&
    (filter.state === null || filter.state.state === sandboxStateOf(sandbox)) &&
    hasLabels(sandbox.spec.labels, filter.label_selector);
}

/** Whether a container is among those that the filter selects. */
export function containerFilter(
  filter: Message<"ContainerFilter"> | null,
): (container: CriObject<CriContainerSettings>) => boolean {
  if (filter === null) return () => true;
  return (container) =>
    container.id.startsWith(filter.id) &&
    (container.spec.pod ?? "").startsWith(filter.pod_sandbox_id) &&
    (filter.state === null || filter.state.state === containerStateOf(container)) &&
    hasLabels(container.spec.labels, filter.label_selector);
}

/** Whether a container's statistics are among those that the filter selects: of containers that run. */
export function containerStatsFilter(
  filter: Message<"ContainerStatsFilter"> | null,
): (container: CriObject<CriContainerSettings>) => boolean {
  return containerFilter(filter === null ? null : { ...filter, state: null });
}

/** Whether a sandbox's statistics are among those that the filter selects. */
export function sandboxStatsFilter(
  filter: Message<"PodSandboxStatsFilter"> | null,
): (sandbox: CriObject<CriSandboxSettings>) => boolean {
  return sandboxFilter(filter === null ? null : { ...filter, state: null });
}

function hasLabels(labels: Labels = {}, selector: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}
