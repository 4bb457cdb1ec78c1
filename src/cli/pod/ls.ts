import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { podListing, podRow } from "../format/pod-row.ts";
import { formatRows } from "../format/rows.ts";

interface Values {
  readonly cri: boolean;
  readonly "ctr-ids": boolean;
  readonly "ctr-names": boolean;
  readonly "ctr-status": boolean;
  readonly filter: Filters;
  readonly format: string;
  readonly "no-trunc": boolean;
  readonly quiet: boolean;
}

export const podLs: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    cri: bool("Show the pods that Kubernetes has created through the CRI"),
    "ctr-ids": bool("Show the IDs of the containers"),
    "ctr-names": bool("Show the names of the containers"),
    "ctr-status": bool("Show the states of the containers"),
    filter: { ...filterFlag, usage: 'Provide filter values (e.g. "status=running")' },
    format: listFormat,
    "no-trunc": bool("Do not truncate the output"),
    quiet: bool("Only display pod IDs", { short: "q" }),
  },
  examples: [
    "tare pod ls --ctr-names",
    "tare pod ls --filter status=running --format '{{.Name}}: {{.Status}}'",
  ],
  async run(call) {
    const { values } = call;
    const { cri, filter, format, "no-trunc": isWhole, quiet: isQuiet } = values;
    const client = await call.client();
    const nowMs = Date.now();
    const rows = (await client.pods.list(cri ? { ...filter, realm: ["cri"] } : filter)).map((pod) =>
      podRow(pod, { isWhole, nowMs }),
    );
    const listing = podListing({
      ContainerIds: values["ctr-ids"],
      ContainerNames: values["ctr-names"],
      ContainerStatuses: values["ctr-status"],
    });
    const useQuiet = isQuiet && (format === "" || format === "table");
    call.out(formatRows(rows, listing, { format, isQuiet: useQuiet }));
    return 0;
  },
};
