import type { ContainerStorage } from "../../model/container-spec.ts";

export interface LogRotation {
  readonly maxBytes: number;
  readonly files: number;
}

const usual: LogRotation = { maxBytes: 20 * 1024 * 1024, files: 3 };

/** The highest number of files that the keeper supports. */
const mostFiles = 10;

/**
 * How a container's log is rotated; undefined: none is kept. More files than there can be become fewer and larger ones,
 * which hold as much in all.
 */
export function resolveLogRotation(log: ContainerStorage["log"]): LogRotation | undefined {
  if (log === "none") return undefined;
  const { fileBytes = usual.maxBytes, files = log?.fileBytes === undefined ? usual.files : 1 } = log ?? {};
  const count = Math.min(files, mostFiles);
  const maxBytes = Math.min(Math.ceil((fileBytes * files) / count), Number.MAX_SAFE_INTEGER);
  return { maxBytes, files: count };
}
