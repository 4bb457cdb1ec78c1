import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, runTimed, environment } from "../harness/command.ts";
import type { Bed, Engine, Missing } from "./engine.ts";

/** The cost of the kernel alone: see floor.c. */
export interface Floor extends Engine {
  /** Milliseconds to the first instruction of each of so many containers, measured inside the program. */
  starts(count: number): readonly number[];
}

/** Compiles floor.c and starts the container that execTrue() enters. */
export async function openFloor(bed: Bed): Promise<Floor | Missing> {
  const compiler = findProgram("cc");
  if (compiler === undefined)
    return { name: "floor", missing: "not installed: apt-get install gcc libc6-dev" };
  const directory = bed.owned.path("floor");
  const idleDirectory = bed.owned.path("floor-idle");
  const program = bed.owned.path("floor.elf");
  runTimed([compiler, "-O2", "-static", "-o", program, join(import.meta.dir, "..", "floor.c")]);
  for (const place of [directory, idleDirectory]) {
    mkdirSync(join(place, "mnt"), { recursive: true });
    cpSync(bed.rootfs, join(place, "rootfs"), { recursive: true, verbatimSymlinks: true });
  }
  const idle = Bun.spawn([program, "idle", idleDirectory, "sleep", "1000000"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: environment(),
  });
  const reader = idle.stdout.getReader();
  const { value } = await reader.read();
  const pid = Number(new TextDecoder().decode(value));
  if (!(pid > 0)) throw new Error("cannot start the floor's container: it printed no pid");
  return {
    name: "floor",
    version: "bench/floor.c",
    runTrue: () => [program, "run", "1", directory, "true"],
    execTrue: () => [program, "exec", "1", String(pid), "true"],
    starts: (count) =>
      runTimed([program, "run", String(count), directory, "true"], { capture: true })
        .stdout.trim()
        .split("\n")
        .map((line) => Number(line.split(" ")[0])),
    async [Symbol.asyncDispose]() {
      await idle.stdin.end();
      await idle.exited;
    },
  };
}
