import type * as api from "../../api/types/container.ts";
import type { ContainerSizes } from "../../model/container-sizes.ts";
import type { ContainerSummary } from "../../model/containers.ts";
import type { WallMs } from "../../model/time.ts";
import { statusText } from "./container-state.ts";
import { mountPointOf } from "./mount-point.ts";
import { membershipOf } from "./pod.ts";
import { endpointsOf, portsOf } from "./network.ts";

/** A row of `GET /containers/json`. */
export function containerSummaryOf(container: ContainerSummary, nowMs: WallMs): api.ContainerSummary {
  return {
    Id: container.id,
    Names: [container.name, ...(container.linkNames ?? [])].map((name) => `/${name}`),
    Image: container.image,
    ImageID: container.imageId,
    Command: commandText(container.command),
    Created: Math.trunc(container.createdAt / 1000),
    Ports: portsOf(container),
    ...sizesOf(container.sizes),
    Labels: container.labels,
    State: container.state.status,
    Status: statusText(container, nowMs),
    HostConfig: { NetworkMode: container.networkMode },
    NetworkSettings: { Networks: endpointsOf(container) },
    Mounts: container.mounts.map(mountPointOf),
    Health: {
      Status: container.health?.status ?? "none",
      FailingStreak: container.health?.failingStreak ?? 0,
    },
    Tare: container.pod && membershipOf(container.pod),
  };
}

/** Fields that are there only where sizes were asked for. */
export function sizesOf(sizes: ContainerSizes | undefined): {
  readonly SizeRw?: number | undefined;
  readonly SizeRootFs?: number | undefined;
} {
  return sizes === undefined ? {} : { SizeRw: sizes.writtenBytes, SizeRootFs: sizes.rootBytes };
}

/** One line of the arguments, those with blanks in quotes, as Docker prints it. */
function commandText(command: readonly string[]): string {
  return command.map((word, index) => (index > 0 && word.includes(" ") ? `'${word}'` : word)).join(" ");
}
