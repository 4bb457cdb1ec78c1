import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";
import { objectFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatSecret, shownSecret } from "../format/secret-row.ts";
import { type ImageValues, inspectAll } from "../system/inspect.ts";

interface Values extends ImageValues {
  readonly pretty: boolean;
  readonly showsecret: boolean;
}

export const secretInspect: Command<Values> = {
  usage: "[OPTIONS] SECRET [SECRET...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    format: objectFormat,
    pretty: bool("Print inspect output in human-readable format"),
    showsecret: bool("Display the secret"),
  },
  completes: ["secret"],
  examples: [
    "tare secret inspect --format '{{.Spec.Labels}}' password",
    "tare secret inspect --showsecret --format '{{.SecretData}}' password",
  ],
  async run(call) {
    const { format, pretty, showsecret: value } = call.values;
    if (pretty && format !== "") throw new Failure("invalid", "--format and --pretty exclude each other");
    const client = await call.client();
    if (!pretty)
      return await inspectAll(call, async (name) =>
        shownSecret(await client.secrets.inspect(name, { value })),
      );
    return await forEachReference(call, async (name) =>
      formatSecret(shownSecret(await client.secrets.inspect(name, { value }))).trimEnd(),
    );
  },
};
