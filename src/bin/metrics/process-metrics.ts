import { readdirSync, readFileSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";

/** The metrics of this process that clients of Prometheus agree on; they are read with each scrape. */
export function addProcessMetrics(registry: Registry): void {
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds",
    registers: [],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  registry.registerMetric(cpu);
  new Gauge({
    name: "process_start_time_seconds",
    help: "Start time of the process since unix epoch in seconds",
    registers: [registry],
  }).set(Math.round(Date.now() - process.uptime() * 1000) / 1000);
  const add = (
    name: string,
    { help, read }: { readonly help: string; readonly read: () => number },
  ): void => {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read());
      },
    });
    registry.registerMetric(gauge);
  };
  add("process_resident_memory_bytes", {
    help: "Resident memory size in bytes",
    read: () => kibibytesIn("VmRSS") * 1024,
  });
  add("process_virtual_memory_bytes", {
    help: "Virtual memory size in bytes",
    read: () => kibibytesIn("VmSize") * 1024,
  });
  add("process_open_fds", {
    help: "Number of open file descriptors",
    // Without the one of the directory itself.
    read: () => readdirSync("/proc/self/fd").length - 1,
  });
  add("process_max_fds", {
    help: "Maximum number of open file descriptors",
    read: () => Number(/^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 0),
  });
}

/** A value of `/proc/self/status`. */
function kibibytesIn(name: string): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
}
