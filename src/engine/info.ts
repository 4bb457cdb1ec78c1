import { version } from "../base/version.ts";
import { availableParallelism, release, totalmem } from "node:os";
import type { CgroupLayout } from "../linux/cgroup/layout.ts";
import { hostPlatform } from "../spec/platform.ts";
import type { ContainerContext } from "./context.ts";
import type { EngineInfo } from "../model/engine.ts";
import type { EngineSettings } from "../model/engine-settings.ts";
import { networkDrivers } from "./networks/fixed-networks.ts";

export async function describeEngine(context: ContainerContext): Promise<EngineInfo> {
  const { dependencies, state } = context;
  const count = { running: 0, paused: 0, stopped: 0 };
  for (const { state: each, isBuildStep, spec } of state.containers()) {
    if (isBuildStep === true || spec.cri !== undefined) continue;
    if (each.status === "running") count.running++;
    else if (each.status === "paused") count.paused++;
    else count.stopped++;
  }
  const cdi = await describeCdi(dependencies.settings);
  return {
    id: state.findFact("id") ?? "",
    name: dependencies.host.hostname,
    version,
    dataRoot: dependencies.dataRoot,
    runRoot: dependencies.runRoot,
    kernelVersion: release(),
    operatingSystem: operatingSystem(dependencies.host.readText("/etc/os-release")),
    architecture: hostPlatform().architecture,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    containers: count,
    images: state.images().length,
    storage: {
      driver: dependencies.storage.name,
      status: [
        ...dependencies.storage.status,
        ["Chosen", dependencies.storageChoice.reason],
        ["Data root", dependencies.dataRoot],
      ],
    },
    cgroups: describeCgroups(dependencies.cgroups.layout),
    networkDrivers,
    cdi: { directories: cdi.directories, devices: cdi.devices },
    warnings: [...warningsOf(context), ...cdi.warnings],
  };
}

/** The warnings are dockerd's. */
async function describeCdi({
  cdiSpecDirectories,
}: EngineSettings): Promise<EngineInfo["cdi"] & { readonly warnings: readonly string[] }> {
  const { defaultCdiDirectories, readCdiDevices } = await import("./host/cdi-specs.ts");
  const directories = cdiSpecDirectories ?? defaultCdiDirectories;
  const { devices, problems } = await readCdiDevices(directories);
  return {
    directories,
    devices: [...devices.keys()].sort(),
    warnings: problems.map(({ path, problem }) => `CDI: Error associated with spec file ${path}: ${problem}`),
  };
}

/** The PRETTY_NAME of os-release(5). */
export function operatingSystem(text: string): string {
  const name = /^PRETTY_NAME=(?:"([^"]*)"|(.*))$/m.exec(text);
  return name?.[1] ?? name?.[2] ?? "Linux";
}

function describeCgroups(layout: CgroupLayout): EngineInfo["cgroups"] {
  const controllers: Record<string, "v1" | "v2"> = {};
  for (const name of layout.v2?.controllers ?? []) controllers[name] = "v2";
  for (const name of layout.v1.flatMap((hierarchy) => hierarchy.controllers)) controllers[name] = "v1";
  const version = layout.v1.length === 0 ? "2" : layout.v2 === undefined ? "1" : "hybrid";
  return { version, controllers };
}

function warningsOf({ dependencies, background }: ContainerContext): readonly string[] {
  const { controllers } = describeCgroups(dependencies.cgroups.layout);
  const missing = ["memory", "cpu", "cpuset", "pids"].filter((name) => controllers[name] === undefined);
  const { warning } = dependencies.storageChoice;
  return [
    ...(warning === undefined ? [] : [warning]),
    ...missing.map((name) => `No ${name} limit support`),
    ...(dependencies.cgroups.layout.swapAccounting ? [] : ["No swap limit support"]),
    ...[...background.failures].map(([subject, problem]) => `cannot clean up after ${subject}: ${problem}`),
  ].map((text) => `WARNING: ${text}`);
}
