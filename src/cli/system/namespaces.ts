import type { NamespacesRow } from "../../api/types/tare.ts";
import type { Command } from "../command.ts";
import { listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows, type Listing, type Row } from "../format/rows.ts";
import { shortId } from "../format/text.ts";

interface Values {
  readonly format: string;
  readonly "no-trunc": boolean;
}

/** In the order of the kernel's documentation; unknown types come last. */
const knownTypes = ["mount", "pid", "network", "ipc", "uts", "cgroup", "user", "time"];

export const namespaces: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { format: listFormat, "no-trunc": bool("Don't truncate output") },
  description:
    "One line a running container, one column a namespace: its inode, as /proc/PID/ns shows it, and\n" +
    "after = with whom it is shared. The first line is the host.",
  async run(call) {
    const { format, "no-trunc": isWhole } = call.values;
    const client = await call.client();
    const found = await client.system.namespaces();
    if (format === "json") {
      call.out(found.map((row) => `${JSON.stringify(row)}\n`).join(""));
      return 0;
    }
    const listing = namespaceListing(found);
    call.out(
      formatRows(
        found.map((row) => namespaceRow(row, isWhole)),
        listing,
        { format },
      ),
    );
    return 0;
  },
};

/** Columns: the types that any of the rows has. */
export function namespaceListing(rows: readonly NamespacesRow[]): Listing {
  const found = new Set(rows.flatMap(({ Namespaces }) => Object.keys(Namespaces)));
  const types = [
    ...knownTypes.filter((type) => found.has(type)),
    ...[...found].filter((type) => !knownTypes.includes(type)).sort(),
  ];
  const names = ["ID", "Name", "Pid", ...types];
  return {
    rowName: "namespaces",
    headings: {
      ID: "CONTAINER ID",
      Name: "NAME",
      Pid: "PID",
      ...Object.fromEntries(types.map((type) => [type, type.toUpperCase()])),
    },
    table: names.map((name) => `{{.${name}}}`).join("\t"),
  };
}

/** `4026532281`, or `4026531835=host` where it is shared. */
export function namespaceRow({ Id, Name, Pid, Namespaces }: NamespacesRow, isWhole: boolean): Row {
  const cells = Object.entries(Namespaces).map(([type, { Inode, SharedWith }]) => {
    return [type, SharedWith.length === 0 ? String(Inode) : `${Inode}=${SharedWith.join(",")}`] as const;
  });
  return {
    ID: Id === "" ? "-" : isWhole ? Id : shortId(Id),
    Name,
    Pid: String(Pid),
    ...Object.fromEntries(cells),
  };
}
