import type { Pod } from "../../api/types/pod.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import type { Listing, Row } from "./rows.ts";
import { shortId } from "./text.ts";

const columns = ["ID", "Name", "Status", "Created", "InfraID"];

/** The list of pods, with the columns about their containers that are asked for. */
export function podListing(extra: Readonly<Record<string, boolean>>): Listing {
  const asked = Object.keys(extra).filter((name) => extra[name] === true);
  return {
    rowName: "pod",
    headings: {
      ID: "POD ID",
      Name: "NAME",
      Status: "STATUS",
      Created: "CREATED",
      InfraID: "INFRA ID",
      Networks: "NETWORKS",
      NumberOfContainers: "# OF CONTAINERS",
      ContainerIds: "IDS",
      ContainerNames: "NAMES",
      ContainerStatuses: "STATUS",
      Labels: "LABELS",
    },
    table: [...columns, ...(asked.length === 0 ? ["NumberOfContainers"] : asked)]
      .map((name) => `{{.${name}}}`)
      .join("\t"),
    quiet: "{{.ID}}",
  };
}

export function podRow(
  pod: Pod,
  { isWhole, nowMs }: { readonly isWhole: boolean; readonly nowMs: number },
): Row {
  const idOf = (id: string): string => (isWhole ? id : shortId(id));
  const labels = pod.Labels;
  return {
    ID: idOf(pod.Id),
    Name: pod.Name,
    Status: pod.State,
    Created: `${formatHumanDuration(nowMs - Date.parse(pod.Created))} ago`,
    InfraID: idOf(pod.InfraContainerID),
    Networks: pod.InfraConfig.Networks.join(","),
    NumberOfContainers: String(pod.NumContainers),
    ContainerIds: pod.Containers.map(({ Id }) => idOf(Id)).join(","),
    ContainerNames: pod.Containers.map(({ Name }) => Name).join(","),
    ContainerStatuses: pod.Containers.map(({ State }) => State).join(","),
    Labels: Object.keys(labels)
      .sort()
      .map((name) => `${name}=${labels[name]}`)
      .join(","),
    Label: (name: string) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : ""),
  };
}
