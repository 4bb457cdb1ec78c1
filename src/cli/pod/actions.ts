import type { Client } from "../../client/client.ts";
import type { Call, Command } from "../command.ts";
import { int, string } from "../flags/kinds.ts";
import { forEachPod, type PodChoice, podChoice } from "./each-pod.ts";

const common = {
  usage: "[OPTIONS] POD [POD...]",
  takes: [0, Number.POSITIVE_INFINITY],
  completes: ["pod"],
} as const;

function action(verb: "start" | "pause" | "unpause", title: string): Command<PodChoice> {
  return {
    ...common,
    flags: podChoice(title),
    examples: [`tare pod ${verb} web`],
    run: (call) => forEachPod(call, (client, id) => client.pods.act(id, verb)),
  };
}

export const podStart: Command<PodChoice> = action("start", "Start");
export const podPause: Command<PodChoice> = action("pause", "Pause");
export const podUnpause: Command<PodChoice> = action("unpause", "Unpause");

interface Ending extends PodChoice {
  readonly time: number | undefined;
}

const time = int("Seconds to wait before killing the containers", { short: "t", also: ["timeout"] });

function graceOf({ values }: Call<Ending>): { readonly graceSeconds?: number | undefined } {
  return values.time === undefined ? {} : { graceSeconds: values.time };
}

export const podStop: Command<Ending> = {
  ...common,
  flags: { ...podChoice("Stop"), time },
  examples: ["tare pod stop web", "tare pod stop -t 2 --all"],
  run: (call) => forEachPod(call, (client, id) => client.pods.end(id, "stop", graceOf(call))),
};

export const podRestart: Command<Ending> = {
  ...common,
  flags: { ...podChoice("Restart"), time },
  examples: ["tare pod restart web"],
  run: (call) => forEachPod(call, (client, id) => client.pods.end(id, "restart", graceOf(call))),
};

interface Killing extends PodChoice {
  readonly signal: string;
}

export const podKill: Command<Killing> = {
  ...common,
  flags: { ...podChoice("Kill"), signal: string("Signal to send to the containers", { short: "s" }) },
  examples: ["tare pod kill -s HUP web"],
  run(call) {
    const { signal } = call.values;
    const kill = (client: Client, id: string): Promise<void> =>
      client.pods.kill(id, signal === "" ? {} : { signal });
    return forEachPod(call, kill);
  },
};
