import type {
  StorageBenchFigures,
  StorageBenchMessage,
  StorageBenchRefusal,
} from "../../api/types/storage-bench.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import type { OutputStream } from "../context.ts";
import { listFormat } from "../flags/filters.ts";
import { bool, bytes, int } from "../flags/kinds.ts";
import { formatRows } from "../format/rows.ts";
import {
  benchListing,
  benchRows,
  describeBenchLoad,
  describeUnsupported,
  drawBenchBars,
  type StorageBenchReport,
} from "../format/storage-bench.ts";
import { compileTemplate } from "../format/template.ts";

interface Values {
  readonly containers: number | undefined;
  readonly format: string;
  readonly quick: boolean;
  readonly size: number | undefined;
}

export const storageBench: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    containers: int("Number of containers whose disk usage is measured (default 3)"),
    format: listFormat,
    quick: bool("Use a small load: rough figures in a few seconds"),
    size: bytes("Size of the layer; a single file makes up half of it (default 64m)"),
  },
  completes: ["none"],
  description:
    "Each driver uses its own temporary store in a directory below the data root, which is removed at the end, also after ctrl-C. The data of the engine is not changed. For reliable figures, run it on an idle machine.",
  examples: [
    "tare storage bench",
    "tare storage bench --quick",
    "tare storage bench --size 512m --containers 20",
    "tare storage bench --format json > storage.json",
  ],
  async run(call) {
    const { format, quick, size: sizeBytes, containers } = call.values;
    // A wrong template is found before anything is measured.
    if (!["", "json", "table"].includes(format)) compileTemplate(format.replace(/^table /, ""));
    const client = await call.client();
    const messages = client.system.benchStorage({ quick, sizeBytes, containers, signal: call.signal });
    const report = await collect(messages, call.context.stderr);
    if (format === "json") {
      call.out(`${JSON.stringify(report, undefined, 2)}\n`);
      return 0;
    }
    const table = formatRows(benchRows(report), benchListing, { format });
    if (format !== "") {
      call.out(table);
      return 0;
    }
    const { columns = 80, isTTY = false } = call.context.stdout;
    const unsupported = describeUnsupported(report);
    const bars = drawBenchBars(report, { columns, isPlain: !isTTY });
    call.out(
      `${describeBenchLoad(report)}\n${table}${unsupported === "" ? "" : `\n${unsupported}`}\n${bars}`,
    );
    return 0;
  },
};

/** Shows the progress on a terminal. */
async function collect(
  messages: AsyncIterable<StorageBenchMessage>,
  terminal: OutputStream,
): Promise<StorageBenchReport> {
  const drivers: StorageBenchFigures[] = [];
  const unsupported: StorageBenchRefusal[] = [];
  let load: StorageBenchReport["Load"] | undefined;
  const show = (text: string): void => {
    if (terminal.isTTY === true) terminal.write(`\r\x1b[2K${text}`);
  };
  try {
    for await (const { Load, Step, Figures, Unsupported, error } of messages) {
      if (error !== undefined) throw new Failure("internal", error, { details: { fromDaemon: true } });
      if (Load !== undefined) load = Load;
      if (Step !== undefined) show(`${Step.Driver}: ${Step.Step}`);
      if (Figures !== undefined) drivers.push(Figures);
      if (Unsupported !== undefined) unsupported.push(Unsupported);
    }
  } finally {
    show("");
  }
  if (load === undefined || drivers.length === 0) {
    throw new Failure("unavailable", "cannot compare the storage drivers: the daemon has ended");
  }
  return { Load: load, Drivers: drivers, Unsupported: unsupported };
}
