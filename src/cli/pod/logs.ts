import type { PodContainer } from "../../api/types/pod.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { logFlags, type LogValues, momentsOf } from "../container/flags/log-flags.ts";
import { bool, list, string } from "../flags/kinds.ts";
import { type LogLine, mergeByTime, readLines, withoutTime } from "./log-lines.ts";
import { writeAll } from "../terminal/write.ts";

interface Values extends LogValues {
  readonly container: readonly string[];
  readonly names: boolean;
}

interface PodLine extends LogLine {
  readonly container: PodContainer;
}

/** As podman's: each line names its container, unless there is only one. */
export const podLogs: Command<Values> = {
  usage: "[OPTIONS] POD",
  takes: [1, 1],
  flags: {
    ...logFlags,
    container: list("Only the logs of this container of the pod", { short: "c" }),
    names: bool("Print the names of containers instead of their IDs", { short: "n" }),
    tail: string("Number of lines to show from the end of each container's log", { initial: "all" }),
  },
  completes: ["pod", "none"],
  examples: ["tare pod logs --names web", "tare pod logs -f -c server web"],
  async run(call) {
    const { values, positional, context, signal } = call;
    const client = await call.client();
    const pod = await client.pods.inspect(positional[0] ?? "");
    const members = pod.Containers.filter(({ Id }) => Id !== pod.InfraContainerID);
    const chosen =
      values.container.length === 0
        ? members
        : values.container.map((reference) => findMember(members, reference, pod.Name));
    const isMerged = !values.follow;
    const logs = chosen.map(async function* (container): AsyncGenerator<PodLine, void, undefined> {
      const frames = client.containers.logs(container.Id, {
        stdout: true,
        stderr: true,
        follow: values.follow,
        tail: values.tail,
        timestamps: values.timestamps || isMerged,
        ...momentsOf(values),
        signal,
      });
      for await (const line of readLines(frames)) yield { ...line, container };
    });
    const print = async ({ stream, bytes, container }: PodLine): Promise<void> => {
      const name = values.names ? container.Name : container.Id.slice(0, 12);
      const text = isMerged && !values.timestamps ? withoutTime(bytes) : bytes;
      const line = chosen.length > 1 ? Buffer.concat([Buffer.from(`${name} `), text]) : text;
      await writeAll(stream === "stdout" ? context.stdout : context.stderr, line);
    };
    const printAll = async (lines: AsyncIterable<PodLine>): Promise<void> => {
      for await (const line of lines) {
        if (signal.aborted) return;
        await print(line);
      }
    };
    if (isMerged) await printAll(mergeByTime(logs));
    else await Promise.all(logs.map(printAll));
    return 0;
  },
};

/** By name, or the beginning of an id. */
function findMember(members: readonly PodContainer[], reference: string, pod: string): PodContainer {
  const found = members.find(({ Id, Name }) => Name === reference || Id.startsWith(reference));
  if (found !== undefined && reference !== "") return found;
  throw new Failure("not-found", `no such container in pod "${pod}": ${reference}`);
}
