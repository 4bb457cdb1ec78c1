import type { Command } from "../command.ts";
import { kindOf } from "../../base/failure.ts";
import { storeListing, storeListingExact, storeRows } from "../format/store-rows.ts";
import { listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows, type Row } from "../format/rows.ts";
import { compileTemplate } from "../format/template.ts";
import { usageListing, usageRows, type UsageSection, usageSections } from "../format/usage-rows.ts";

interface Values {
  readonly format: string;
  readonly verbose: boolean;
}

export const systemDf: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    format: listFormat,
    verbose: bool("Show detailed information on space usage", { short: "v" }),
  },
  examples: ["tare system df", "tare system df -v", "tare system df --format '{{.Type}}: {{.Reclaimable}}'"],
  async run(call) {
    const { format, verbose } = call.values;
    const isTable = format === "" || format === "table";
    // A wrong template is found before anything is measured.
    const template =
      verbose && !isTable ? compileTemplate(format === "json" ? "{{json .}}" : format) : undefined;
    const client = await call.client();
    const usage = await client.system.usage({ signal: call.signal });
    const store = await client.system.storeUsage({ signal: call.signal }).catch((thrown: unknown) => {
      // Daemons other than Tare's do not support it.
      if (kindOf(thrown) === "not-found") return undefined;
      throw thrown;
    });
    if (!verbose) {
      call.out(formatRows(usageRows(usage), usageListing, { format }));
      if (isTable && store !== undefined) call.out(`\n${formatRows(storeRows(store), storeListing)}`);
      return 0;
    }
    const sections = usageSections(usage, { isWhole: !isTable, nowMs: Date.now() });
    if (template !== undefined) {
      const whole = { ...asObject(sections), ...(store === undefined ? {} : { Store: store }) };
      call.out(`${template.render(whole, { rowName: "usage" })}\n`);
      return 0;
    }
    call.out(formatSections(sections));
    if (store !== undefined) {
      call.out(
        `\nOn the disk (blob policy ${store.Policy}):\n\n${formatRows(storeRows(store), storeListingExact)}`,
      );
    }
    return 0;
  },
};

function formatSections(sections: readonly UsageSection[]): string {
  return sections
    .map(({ heading, listing, rows }) => `${heading}\n\n${formatRows(rows, listing)}`)
    .join("\n");
}

/** The data that a template of `--verbose` can use: a list for each kind of object. */
function asObject(sections: readonly UsageSection[]): Row {
  return Object.fromEntries(sections.map(({ name, rows }) => [name, rows]));
}
