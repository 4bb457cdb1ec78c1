import { Worker } from "node:worker_threads";
import { addonPath } from "./addon.ts";

/** A thread of this process with a JavaScript world of its own. */
export interface Thread {
  /** Called when it ends while it is not forgotten. */
  onExit(listener: (thrown: unknown) => void): void;
  /** Nobody hears of its end any more; it does not keep the process alive anyway. */
  forget(): void;
}

/** The place of the sources in a compiled executable, see the Makefile. */
const embedded = "/$bunfs/root";

/**
 * Runs a module of `src/`, named from there without its extension, on a thread. It gets as `workerData` what `start`
 * makes of the addon's path, which it has to pass to useAddon(): threads do not share what is loaded.
 */
export function startThread<Start>(module: string, start: (addonPath: string) => Start): Thread {
  const here = import.meta.url;
  const place = here.includes(embedded)
    ? `${embedded}/${module}.js`
    : new URL(`../${module}${here.slice(here.lastIndexOf("."))}`, here);
  const worker = new Worker(place, { workerData: start(addonPath()), stdout: false, stderr: false });
  worker.unref();
  let listener: ((thrown: unknown) => void) | undefined;
  let failed: unknown = new Error("it ended by itself");
  worker.on("error", (thrown) => (failed = thrown));
  worker.on("exit", () => listener?.(failed));
  return {
    onExit: (wanted) => {
      listener = wanted;
    },
    forget: () => {
      listener = undefined;
    },
  };
}
