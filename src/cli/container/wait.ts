import type { Client } from "../../client/client.ts";
import { Failure } from "../../base/failure.ts";
import { formatUnixTime } from "../../base/timestamp.ts";
import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { string } from "../flags/kinds.ts";

interface Values {
  readonly condition: string;
}

const overlapMs = 1_000;
const conditions = ["stopped", "healthy", "unhealthy"];

export const wait: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    condition: string("State to wait for: stopped, healthy or unhealthy (not in Docker)", {
      initial: "stopped",
      words: conditions,
      check: checkCondition,
    }),
  },
  completes: ["running"],
  examples: ["tare wait web", "tare wait --condition healthy web && tare exec web run-migrations"],
  async run(call) {
    const client = await call.client();
    const { condition } = call.values;
    const work = async (reference: string): Promise<string> => {
      if (condition !== "stopped")
        return await waitForHealth(client, reference, { condition, signal: call.signal });
      const { StatusCode } = await client.containers.wait(reference, { signal: call.signal });
      return String(StatusCode);
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};

/** SPEC: Podman prints -1, since nothing has ended. Throws "conflict" when the container ends or has no health check. */
async function waitForHealth(
  client: Client,
  reference: string,
  { condition, signal }: { readonly condition: string; readonly signal: AbortSignal },
): Promise<string> {
  const { Id: id, Name: name } = await client.containers.inspect(reference);
  const done = new AbortController();
  const events = client.system.events({
    // The stream may begin after the first look: a change between the two is among the past events.
    since: formatUnixTime(BigInt(Date.now() - overlapMs) * 1_000_000n),
    filters: { container: [id], event: ["health_status", "die", "destroy", "start"] },
    signal: AbortSignal.any([signal, done.signal]),
  });
  const stream = events[Symbol.asyncIterator]();
  try {
    for (let next = stream.next(); ; next = stream.next()) {
      const { State: state } = await client.containers.inspect(id);
      if (state.Health === undefined || !state.Running) {
        const why = state.Running ? "it has no health check" : "it is not running";
        throw new Failure(
          "conflict",
          `cannot wait until container "${name.slice(1)}" is ${condition}: ${why}`,
        );
      }
      if (state.Health.Status === condition) {
        next.catch(() => {});
        return "-1";
      }
      if ((await next).done === true)
        throw new Failure("unavailable", "cannot wait: the daemon ended the events");
    }
  } finally {
    done.abort();
  }
}

function checkCondition(text: string): string {
  if (conditions.includes(text)) return text;
  throw new Failure("invalid", `must be ${conditions.slice(0, -1).join(", ")} or ${conditions.at(-1)}`);
}
