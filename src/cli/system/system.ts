import { withDeadline } from "../../base/deadline.ts";
import { parseDuration } from "../../base/duration.ts";
import type { Command } from "../command.ts";
import { longObjectFormat } from "../flags/filters.ts";
import { bool, duration } from "../flags/kinds.ts";
import { compileTemplate } from "../format/template.ts";

interface CheckValues {
  readonly format: string;
  readonly verify: boolean;
}

export const check: Command<CheckValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    format: longObjectFormat,
    verify: bool("Read all blobs and layers, and verify their digests"),
  },
  description:
    "Compares what the daemon recorded with the kernel and the disk; prints each finding and how to fix it. Exit status: 1 if there are findings. What the host itself lacks is reported by `tare doctor`, which needs no daemon.",
  examples: ["tare system check", "tare system check --verify"],
  async run(call) {
    const { format, verify } = call.values;
    const template = format === "" || format === "json" ? undefined : compileTemplate(format);
    const client = await call.client();
    const findings = await client.system.check({ verify, signal: call.signal });
    for (const finding of findings) {
      const { Subject, Problem, Advice } = finding;
      if (template !== undefined) call.out(`${template.render(finding, { rowName: "finding" })}\n`);
      else if (format === "json") call.out(`${JSON.stringify(finding)}\n`);
      else call.out(`${Subject}: ${Problem}\n${Advice === "" ? "" : `  ${Advice}\n`}`);
    }
    if (findings.length === 0 && format === "") call.out("Everything is in order.\n");
    return findings.length === 0 ? 0 : 1;
  },
};

interface SettleValues {
  readonly timeout: number | undefined;
}

export const settle: Command<SettleValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { timeout: duration("Maximum time to wait (ms|s|m|h)", { type: "duration" }) },
  async run(call) {
    const { timeout = parseDuration("30s") } = call.values;
    const client = await call.client();
    await withDeadline(timeout, "settle", (signal) => client.system.settle({ signal }), {
      signal: call.signal,
    });
    return 0;
  },
};
