import { quoteControls } from "../../base/quote-controls.ts";
import type { SystemInfo } from "../../api/types/system.ts";
import { formatBinaryByteSize } from "../../base/byte-size.ts";
import type { Command } from "../command.ts";
import { objectFormat } from "../flags/filters.ts";
import { compileTemplate } from "../format/template.ts";

interface Values {
  readonly format: string;
}

export const info: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: { format: objectFormat },
  async run(call) {
    const { format } = call.values;
    const template = format === "" ? undefined : compileTemplate(format === "json" ? "{{json .}}" : format);
    const { system } = await call.client();
    const answer = await system.info();
    if (template !== undefined) {
      call.out(`${template.render(answer, { rowName: "info" })}\n`);
      return 0;
    }
    const { version } = call.context.build;
    call.out(
      `Client:\n Version:    ${version}\n Debug Mode: ${call.globals.debug}\n\nServer:\n${quoteControls(formatInfo(answer))}`,
    );
    for (const warning of answer.Warnings ?? []) call.err(`${warning}\n`);
    return 0;
  },
};

/** The daemon's description of itself, one item a line. */
export function formatInfo(info: SystemInfo): string {
  const plugins = info.Plugins;
  const rows: (readonly [depth: number, name: string, value: string | number | boolean | undefined])[] = [
    [1, "Containers", info.Containers],
    [2, "Running", info.ContainersRunning],
    [2, "Paused", info.ContainersPaused],
    [2, "Stopped", info.ContainersStopped],
    [1, "Images", info.Images],
    [1, "Server Version", info.ServerVersion],
    [1, "Storage Driver", info.Driver],
    ...(info.DriverStatus ?? []).map(([name = "", value]) => [2, name, value] as const),
    [1, "Logging Driver", info.LoggingDriver],
    [1, "Cgroup Driver", info.CgroupDriver],
    [1, "Cgroup Version", info.CgroupVersion],
    [1, "Plugins", ""],
    [2, "Volume", plugins?.Volume?.join(" ")],
    [2, "Network", plugins?.Network?.join(" ")],
    [2, "Log", plugins?.Log?.join(" ")],
    [1, "Runtimes", Object.keys(info.Runtimes ?? {}).join(" ")],
    [1, "Default Runtime", info.DefaultRuntime],
    [1, "Security Options", ""],
    ...(info.SecurityOptions ?? []).flatMap(formatSecurityOption),
    [1, "Kernel Version", info.KernelVersion],
    [1, "Operating System", info.OperatingSystem],
    [1, "OSType", info.OSType],
    [1, "Architecture", info.Architecture],
    [1, "CPUs", info.NCPU],
    [1, "Total Memory", formatBinaryByteSize(info.MemTotal)],
    [1, "Name", info.Name],
    [1, "ID", info.ID],
    [1, "Root Dir", info.DockerRootDir],
    [1, "Debug Mode", info.Debug],
    ...(info.Labels?.length > 0 ? ([[1, "Labels", ""]] as const) : []),
    ...(info.Labels ?? []).map((label) => [2, label, undefined] as const),
    [1, "Live Restore Enabled", info.LiveRestoreEnabled],
  ];
  return rows
    .map(
      ([depth, name, value]) =>
        `${" ".repeat(depth)}${name}${value === undefined ? "" : `: ${value}`.trimEnd()}\n`,
    )
    .join("");
}

/** `name=seccomp,profile=builtin`: the name on a line of its own, the rest below. */
function formatSecurityOption(option: string): (readonly [number, string, string | undefined])[] {
  return option.split(",").map((part) => {
    const [key = "", value] = part.split("=");
    if (key === "name") return [2, value ?? "", undefined];
    return [3, `${key.slice(0, 1).toUpperCase()}${key.slice(1)}`, value];
  });
}
