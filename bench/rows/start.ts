import type { Floor } from "../engines/floor.ts";
import { removeContainer, runToEnd, startContainer } from "../harness/docker-api.ts";
import { interleave } from "../harness/interleave.ts";
import { summarize } from "../harness/statistics.ts";
import { figures, type Row, withContainers } from "./row.ts";

/** The time that the engine itself reports, and the time for which a client of the API waits. */
export const start: Row = {
  name: "start",
  about: "the engine's part of a start; create, start, wait and remove by the API",
  async measure({ engines, isQuick, signal, say }) {
    const rounds = { iterations: isQuick ? 5 : 40, warmups: isQuick ? 1 : 3, signal };
    const servers = withContainers(engines).filter(({ containers }) => containers.socketPath !== undefined);
    const reported = new Map(servers.map((engine) => [engine.name, [] as number[]]));
    const phases = new Map<string, number[]>();
    const creates = new Map(servers.map((engine) => [engine.name, [] as number[]]));
    const starts = await interleave(servers, rounds, async ({ name, containers }) => {
      const socketPath = containers.socketPath ?? "";
      const started = await startContainer(socketPath, { image: containers.image, command: ["true"] });
      await removeContainer(socketPath, started.id);
      creates.get(name)?.push(started.createMs);
      if (started.engineMs !== undefined) reported.get(name)?.push(started.engineMs);
      for (const { Name, Ms } of started.phases) phases.set(Name, [...(phases.get(Name) ?? []), Ms]);
      return started.startMs;
    });
    const wholes = await interleave(
      servers,
      rounds,
      async ({ containers: { socketPath = "", image } }) =>
        await runToEnd(socketPath, { image, command: ["true"] }),
    );
    const floors = await interleave(
      engines.filter((engine): engine is Floor => "starts" in engine),
      rounds,
      (floor) => floor.starts(1)[0] ?? Number.NaN,
    );
    const own = servers.map(
      (engine) => [engine, (reported.get(engine.name) ?? []).slice(rounds.warmups)] as const,
    );
    const inside = [...own, ...floors.map(({ subject, samples }) => [subject, samples] as const)];
    const words = [...phases].map(([name, samples]) => `${name} ${summarize(samples).median.toFixed(2)}`);
    if (words.length > 0) say(`phases of tare's start, medians in ms: ${words.join(" · ")}`);
    return [
      {
        row: "engine's part of a start",
        unit: "ms",
        better: "less",
        budget: 6,
        figures: figures(inside),
      },
      {
        row: "API: start answered",
        unit: "ms",
        better: "less",
        figures: figures(starts.map(({ subject, samples }) => [subject, samples])),
      },
      {
        row: "API: create answered",
        unit: "ms",
        better: "less",
        figures: figures(
          servers.map((engine) => [engine, (creates.get(engine.name) ?? []).slice(rounds.warmups)]),
        ),
      },
      {
        row: "API: create, start, wait, remove",
        unit: "ms",
        better: "less",
        budget: 7,
        figures: figures(wholes.map(({ subject, samples }) => [subject, samples])),
      },
    ];
  },
};
