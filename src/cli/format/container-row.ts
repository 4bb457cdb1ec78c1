import type { ContainerSummary, MountPoint } from "../../api/types/container.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import { formatPorts } from "./ports.ts";
import type { Listing, Row } from "./rows.ts";
import { ellipsize, formatLocalTime, shortId } from "./text.ts";

const columns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

/** The list of containers; with sizes when they were asked for. */
export function containerListing({
  hasSize,
  hasPod = false,
}: {
  readonly hasSize: boolean;
  readonly hasPod?: boolean | undefined;
}): Listing {
  return {
    rowName: "container",
    headings: {
      ID: "CONTAINER ID",
      Names: "NAMES",
      Image: "IMAGE",
      Command: "COMMAND",
      CreatedAt: "CREATED AT",
      RunningFor: "CREATED",
      Ports: "PORTS",
      Reach: "REACHABLE",
      State: "STATE",
      Status: "STATUS",
      Size: "SIZE",
      Labels: "LABELS",
      Mounts: "MOUNTS",
      LocalVolumes: "LOCAL VOLUMES",
      Networks: "NETWORKS",
      Pod: "POD ID",
      PodName: "PODNAME",
    },
    table: [...columns, ...(hasPod ? ["Pod", "PodName"] : []), ...(hasSize ? ["Size"] : [])]
      .map((name) => `{{.${name}}}`)
      .join("\t"),
    quiet: "{{.ID}}",
  };
}

/** A container as `ps` shows it: shortened, unless `isWhole`. */
export function containerRow(
  container: ContainerSummary,
  {
    isWhole,
    nowMs,
    reach = "",
    shownReach = "",
  }: {
    readonly isWhole: boolean;
    readonly nowMs: number;
    /** From where its published ports can be reached. */
    readonly reach?: string | undefined;
    /** The same in a few words, behind the ports. */
    readonly shownReach?: string | undefined;
  },
): Row {
  const labels = container.Labels ?? {};
  const pod = container.Tare?.Pod;
  const mounts = container.Mounts ?? [];
  const command = isWhole ? container.Command : ellipsize(container.Command, 20);
  return {
    ID: isWhole ? container.Id : shortId(container.Id),
    Names: formatNames(container.Names, isWhole),
    Image: formatImage(container, isWhole),
    Command: JSON.stringify(command),
    // Only when it is shown: the first look at the time zone costs more than the rest of a listing.
    get CreatedAt() {
      return formatLocalTime(container.Created);
    },
    RunningFor: `${formatHumanDuration(nowMs - container.Created * 1000)} ago`,
    Ports: `${formatPorts(container.Ports ?? [])}${shownReach === "" ? "" : ` (${shownReach})`}`,
    Reach: reach,
    State: container.State,
    Status: container.Status,
    Size: formatSize(container),
    Labels: Object.keys(labels)
      .sort()
      .map((name) => `${name}=${labels[name]}`)
      .join(","),
    Mounts: mounts.map((mount) => formatMount(mount, isWhole)).join(","),
    LocalVolumes: String(mounts.filter(({ Driver }) => Driver === "local").length),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(","),
    Pod: pod === undefined ? "" : isWhole ? pod.Id : shortId(pod.Id),
    PodName: pod?.Name ?? "",
    Label: (name: string) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : ""),
  };
}

/** A name with a second slash is another container's link to this one: shown with `--no-trunc` only. */
function formatNames(names: readonly string[], isWhole: boolean): string {
  const plain = names.map((name) => name.replace(/^\//, ""));
  return (isWhole ? plain : plain.filter((name) => !name.includes("/"))).join(",");
}

function formatImage({ Image: image, ImageID: imageId }: ContainerSummary, isWhole: boolean): string {
  if (image === "") return "<no image>";
  return !isWhole && shortId(image) === shortId(imageId) ? shortId(image) : image;
}

function formatSize({ SizeRw: written = 0, SizeRootFs: whole = 0 }: ContainerSummary): string {
  const own = formatByteSize(written, 3);
  return whole > 0 ? `${own} (virtual ${formatByteSize(whole, 3)})` : own;
}

function formatMount({ Name: name, Source: source }: MountPoint, isWhole: boolean): string {
  const text = name === undefined || name === "" ? source : name;
  return isWhole ? text : ellipsize(text, 15);
}
