import { sleep } from "../../base/deadline.ts";
import { sentenceOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Call, Command } from "../command.ts";
import { listFormat } from "../flags/filters.ts";
import { silentFailure } from "../flags/flag.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows } from "../format/rows.ts";
import { statsListing, statsRow } from "../format/stats-row.ts";
import { shortId } from "../format/text.ts";
import { Screen } from "../stats/screen.ts";
import { FollowedContainers } from "../stats/followed-containers.ts";

interface Values {
  readonly all: boolean;
  readonly format: string;
  readonly "no-stream": boolean;
  readonly "no-trunc": boolean;
}

const REDRAW_MS = 500;
/** Without a terminal each figure is printed once. */
const PRINT_MS = 1_000;

export const stats: Command<Values> = {
  usage: "[OPTIONS] [CONTAINER...]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    all: bool("Show all containers (default shows just running)", { short: "a" }),
    format: { ...listFormat, configKey: "statsFormat" },
    "no-stream": bool("Disable streaming stats and only pull the first result"),
    "no-trunc": bool("Do not truncate output"),
  },
  completes: ["container"],
  examples: [
    "tare stats",
    "tare stats --no-stream web db",
    "tare stats --no-stream --format '{{.Name}}: {{.CPUPerc}} of a CPU, {{.MemUsage}}'",
  ],
  async run(call) {
    const { values, positional, signal } = call;
    const isOnce = values["no-stream"];
    const render = renderer(values);
    render([]); // Reports a wrong template before any request.
    const client = await call.client();
    const followed = new FollowedContainers(client, { samples: isOnce ? "once" : "stream", signal });
    if (positional.length > 0) {
      await Promise.all(positional.map((container) => followed.add(container)));
      failOn(call, followed);
    } else {
      await watchAll(client, followed, { all: values.all, isOnce, signal });
    }
    if (isOnce) {
      call.out(render(followed.rows()));
      return 0;
    }
    await redraw(call, followed, render);
    return 0;
  },
};

type Render = (rows: ReturnType<FollowedContainers["rows"]>) => string;

function renderer(values: Values): Render {
  const isWhole = values["no-trunc"];
  return (rows) =>
    formatRows(
      rows.map(({ container, ...row }) => statsRow(container, { ...row, isWhole })),
      statsListing,
      { format: values.format },
    );
}

/** Those that there are, and unless it is for once those that come, until they go. */
async function watchAll(
  client: Client,
  followed: FollowedContainers,
  { all, isOnce, signal }: { readonly all: boolean; readonly isOnce: boolean; readonly signal: AbortSignal },
): Promise<void> {
  // Before the list is asked for, or one that comes between would be missed.
  if (!isOnce) void follow(client, followed, { all, signal }).catch(() => undefined);
  const containers = await client.containers.list({ all });
  await Promise.all(containers.map(({ Id }) => followed.add(shortId(Id))));
}

async function follow(
  client: Client,
  followed: FollowedContainers,
  { all, signal }: { readonly all: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const filters = { type: ["container"] };
  for await (const { Action: action, Actor: actor } of client.system.events({ filters, signal })) {
    if (action === "start" || (all && action === "create")) void followed.add(shortId(actor.ID));
    if (action === "destroy" || (!all && action === "die")) followed.remove(shortId(actor.ID));
  }
}

async function redraw(call: Call<Values>, followed: FollowedContainers, render: Render): Promise<void> {
  const { positional, context, signal } = call;
  const screen = new Screen(context.stdout);
  const everyMs = context.stdout.isTTY === true ? REDRAW_MS : PRINT_MS;
  while (!signal.aborted) {
    // Of those that were named none may be left; others may come.
    if (positional.length > 0 && followed.size === 0) return;
    screen.draw(render(followed.rows()));
    await sleep(everyMs, { signal }).catch(() => undefined);
  }
}

/** All that could not be found, a line each. */
function failOn(call: Call<Values>, { failures }: FollowedContainers): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1) throw first;
  for (const failure of failures) call.err(`tare: ${sentenceOf(failure)}\n`);
  throw silentFailure(1);
}
