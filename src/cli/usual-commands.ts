import { readFastPathRun } from "../api/container/fast-path-run.ts";
import type { CommandEntry } from "./command.ts";

/** Those that are used most. By their short names they are found without the others, of which there are a hundred. */
export const usualCommands: readonly CommandEntry[] = [
  {
    names: ["container run", "run"],
    summary: "Create and run a new container from an image",
    isCommon: true,
    load: async (words) =>
      words !== undefined && readFastPathRun(words) !== undefined
        ? (await import("./container/fast-path-run.ts")).fastPathRun
        : (await import("./container/run.ts")).run,
  },
  {
    names: ["container exec", "exec"],
    summary: "Execute a command in a running container",
    isCommon: true,
    load: async () => (await import("./container/exec.ts")).exec,
  },
  {
    names: ["container ls", "container list", "container ps", "ps"],
    summary: "List containers",
    isCommon: true,
    load: async () => (await import("./container/ps.ts")).ps,
  },
  {
    names: ["image ls", "image list", "images"],
    summary: "List images",
    isCommon: true,
    load: async () => (await import("./image/images.ts")).images,
  },
];
