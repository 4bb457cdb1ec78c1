import { memoryOf } from "../harness/process.ts";
import type { Result } from "../harness/result.ts";
import { type Row, figures, withContainers } from "./row.ts";

const calmMs = 5_000;

/** The memory of an idle server: one idle container runs next to it, and no client sends requests. */
export const daemon: Row = {
  name: "daemon",
  about: "memory of the idle daemon (of docker: dockerd and containerd)",
  async measure({ engines, isQuick, signal }) {
    const servers = withContainers(engines).filter(({ containers }) => containers.serverPids().length > 0);
    await Bun.sleep(isQuick ? 500 : calmMs);
    signal.throwIfAborted();
    const memories = servers.map((engine) => ({ engine, memory: memoryOf(engine.containers.serverPids()) }));
    const line = (row: string, kind: "rssKb" | "pssKb" | "privateKb"): Result => ({
      row,
      unit: "MB",
      better: "less",
      figures: figures(memories.map(({ engine, memory }) => [engine, [memory[kind] / 1024]])),
    });
    return [
      { ...line("idle daemon, RSS", "rssKb"), budget: 60 },
      line("idle daemon, PSS", "pssKb"),
      line("idle daemon, private", "privateKb"),
    ];
  },
};
