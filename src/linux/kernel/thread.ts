import { required } from "../../base/required.ts";
import { type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { addonPath, useAddon } from "./addon.ts";

/** A thread of this process with a JavaScript world of its own. */
export interface Thread {
  /** Called when the thread calls signalReady() and is not forgotten. */
  onReady(listener: () => void): void;
  /** Called when it ends while it is not forgotten. */
  onExit(listener: (thrown: unknown) => void): void;
  /** Ignores the thread's end; the thread does not keep the process alive. */
  forget(): void;
}

/** The place of the sources in a compiled executable, see the Makefile. */
const embedded = "/$bunfs/root";

interface Beginning<Start> {
  readonly addon: string;
  readonly start: Start;
}

/**
 * Runs a module of `src/`, named from there without its extension, on a thread, which begins with beginThread(). For
 * one that is spoken with; it keeps the process alive.
 */
export function startWorker(module: string, start: object = {}): Worker {
  const here = import.meta.url;
  const url = here.includes(embedded)
    ? `${embedded}/${module}.js`
    : new URL(`../../${module}${here.slice(here.lastIndexOf("."))}`, here);
  const beginning: Beginning<unknown> = { addon: addonPath(), start };
  return new Worker(url, { workerData: beginning });
}

/** As startWorker(), for a thread that receives no further messages. */
export function startThread(module: string, start: object): Thread {
  const worker = startWorker(module, start);
  worker.unref();
  let onReady: (() => void) | undefined;
  let onExit: ((thrown: unknown) => void) | undefined;
  let failed: unknown = new Error("it ended by itself");
  worker.on("message", () => onReady?.());
  worker.on("error", (thrown) => (failed = thrown));
  worker.on("exit", () => onExit?.(failed));
  return {
    onReady: (wanted) => {
      onReady = wanted;
    },
    onExit: (wanted) => {
      onExit = wanted;
    },
    forget: () => {
      onReady = undefined;
      onExit = undefined;
    },
  };
}

/** Returns the argument of startThread() on the thread, and loads the addon: threads do not share modules. */
export function beginThread<Start>(): Start {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- startThread() is the only one that gives it
  const { addon, start } = workerData as Beginning<Start>;
  useAddon(addon);
  return start;
}

/** On the thread: what it was started for can begin. */
export function signalReady(): void {
  sendReady(required(parentPort ?? undefined));
}

function sendReady(port: MessagePort): void {
  port.postMessage("ready");
}
