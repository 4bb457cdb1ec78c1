import type { Filters } from "../../api/http/filters.ts";
import type { ImageSearchResult } from "../../api/types/image.ts";
import { findReference } from "../../spec/reference.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool, int } from "../flags/kinds.ts";
import { formatRows, type Listing, type Row } from "../format/rows.ts";
import { ellipsize } from "../format/text.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly limit: number | undefined;
  readonly "no-trunc": boolean;
}

const listing: Listing = {
  rowName: "result",
  headings: {
    Name: "NAME",
    Description: "DESCRIPTION",
    StarCount: "STARS",
    IsOfficial: "OFFICIAL",
    IsAutomated: "AUTOMATED",
  },
  table: ["Name", "Description", "StarCount", "IsOfficial"].map((name) => `{{.${name}}}`).join("\t"),
};

export const search: Command<Values> = {
  usage: "[OPTIONS] TERM",
  takes: [1, 1],
  flags: {
    filter: filterFlag,
    format: listFormat,
    limit: int("Max number of search results"),
    "no-trunc": bool("Don't truncate output"),
  },
  completes: ["none"],
  description:
    "Searches Docker Hub, or the registry that TERM begins with. A registry without a search API is searched by its catalog.",
  examples: ["tare search --filter is-official=true debian", "tare search localhost:5000/web"],
  async run(call) {
    const { values, positional, context, signal } = call;
    const [term = ""] = positional;
    const { registryAuthFor } = await import("../registry/find-credentials.ts");
    const [host = ""] = term.split("/");
    const anything = /[.:]|^localhost$/.test(host) ? `${host}/any/thing` : "any";
    // The daemon reports what is wrong with a term that names no registry.
    const auth = findReference(anything) && (await registryAuthFor(anything, context));
    const client = await call.client();
    const { filter: filters, limit, format, "no-trunc": isWhole } = values;
    const found = await client.images.search(term, { filters, limit, auth, signal });
    const sorted = [...found].sort((one, other) => other.star_count - one.star_count);
    call.out(
      formatRows(
        sorted.map((result) => rowOf(result, isWhole)),
        listing,
        { format },
      ),
    );
    return 0;
  },
};

function rowOf(result: ImageSearchResult, isWhole: boolean): Row {
  // SAFETY: any user may have written the description, and it is printed on a terminal.
  const description = result.description.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
  return {
    Name: result.name,
    Description: isWhole ? description : ellipsize(description, 45),
    StarCount: String(result.star_count),
    IsOfficial: result.is_official ? "[OK]" : "",
    IsAutomated: result.is_automated ? "[OK]" : "",
  };
}
