import type { Secret } from "../../api/types/secret.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import type { Listing, Row } from "./rows.ts";

/** The list of secrets, as podman has it. */
export const secretListing: Listing = {
  rowName: "secret",
  headings: {
    ID: "ID",
    Name: "NAME",
    Driver: "DRIVER",
    CreatedAt: "CREATED",
    UpdatedAt: "UPDATED",
    Labels: "LABELS",
  },
  table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
  quiet: "{{.ID}}",
};

export function secretRow({ ID, CreatedAt, UpdatedAt, Spec }: Secret, nowMs: number): Row {
  const ago = (time: string): string => `${formatHumanDuration(nowMs - Date.parse(time))} ago`;
  const { Labels: labels } = Spec;
  return {
    ID,
    Name: Spec.Name,
    Driver: Spec.Driver.Name,
    CreatedAt: ago(CreatedAt),
    UpdatedAt: ago(UpdatedAt),
    Labels: Object.keys(labels)
      .sort()
      .map((name) => `${name}=${labels[name]}`)
      .join(","),
    Spec,
    Label: (name: string) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : ""),
  };
}

/** The output of `inspect --pretty`. */
export function formatSecret({ ID, CreatedAt, UpdatedAt, Spec, SecretData }: ShownSecret): string {
  const labels = Object.entries(Spec.Labels).map(([name, value]) => ` - ${name}=${value}`);
  const lines = [
    ["ID", ID],
    ["Name", Spec.Name],
    ...(labels.length === 0 ? [] : [["Labels", ""]]),
    ["Driver", Spec.Driver.Name],
    ["Created at", CreatedAt],
    ["Updated at", UpdatedAt],
    ...(SecretData === undefined ? [] : [["Secret", SecretData]]),
  ] as const;
  return lines
    .flatMap(([title = "", value = ""]) => [
      `${`${title}:`.padEnd(18)} ${value}`.trimEnd(),
      ...(title === "Labels" ? labels : []),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/** A secret as podman's inspect shows it: with its value as text, where that was asked for. */
export interface ShownSecret extends Omit<Secret, "Data"> {
  readonly SecretData?: string | undefined;
}

export function shownSecret({ Data, ...secret }: Secret): ShownSecret {
  return Data === undefined
    ? secret
    : { ...secret, SecretData: Buffer.from(Data, "base64").toString("utf8") };
}
