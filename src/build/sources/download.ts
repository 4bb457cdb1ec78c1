import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Failure, within } from "../../base/failure.ts";
import { openUrl, type OpenUrlOptions, shownUrl } from "../../image/open-url.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { type Digest, parseDigest } from "../../spec/digest.ts";
import { downloadName } from "./download-name.ts";

export interface DownloadLimits {
  readonly bytes: number;
  readonly totalMs: number;
}

export const usualDownloadLimits: DownloadLimits = {
  bytes: 64 * 1024 ** 3,
  totalMs: 6 * 60 * 60 * 1000,
};

export interface DownloadOptions extends Omit<OpenUrlOptions, "signal"> {
  /** Empty: the file is written into it, mode 0600. */
  readonly directory: string;
  /** Of the file that the caller has: "unchanged" where the server has that still. */
  readonly etag?: string | undefined;
  readonly limits?: DownloadLimits | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number, total: number | undefined) => void;
}

export interface Download {
  readonly name: string;
  readonly digest: Digest;
  readonly bytes: number;
  readonly etag?: string | undefined;
  /** Of `Last-Modified`: the time of the file, too, which is that of 1970 without. */
  readonly lastModifiedMs?: number | undefined;
}

/**
 * Downloads a URL into a file. Throws "invalid" (`invalid response status 404`), "unavailable" for a server that can't
 * be reached or ends too early, "exhausted" for a file that is too large or a full disk, "deadline".
 */
export async function download(from: URL, options: DownloadOptions): Promise<Download | "unchanged"> {
  const { directory, etag, limits = usualDownloadLimits, headers, signal: ends, onProgress } = options;
  const late = AbortSignal.timeout(limits.totalMs);
  const signal = AbortSignal.any([ends, late]);
  try {
    const conditions = etag === undefined ? {} : { "If-None-Match": etag };
    using reply = await openUrl(from, { ...options, headers: { ...headers, ...conditions }, signal });
    if (reply.status === 304 && etag !== undefined) return "unchanged";
    if (reply.status < 200 || reply.status >= 300) {
      throw new Failure("invalid", `invalid response status ${reply.status}`, {
        details: { status: reply.status },
      });
    }
    const length = Number(reply.headers["content-length"] ?? Number.NaN);
    const total = Number.isSafeInteger(length) ? length : undefined;
    checkSize(total ?? 0, limits, directory);
    const name = downloadName(from, reply.headers["content-disposition"]);
    const lastModifiedMs = timeOf(reply.headers["last-modified"]);
    const written = await write(reply.body(), {
      path: join(directory, name),
      modifiedMs: lastModifiedMs ?? 0,
      limits,
      onProgress: (bytes) => onProgress(bytes, total),
    });
    return { name, ...written, etag: etagOf(reply.headers.etag), lastModifiedMs };
  } catch (thrown) {
    ends.throwIfAborted();
    if (late.aborted)
      throw new Failure("deadline", `cannot download "${shownUrl(from)}" within ${limits.totalMs / 1000} s`);
    throw within(`cannot download "${shownUrl(from)}"`, thrown);
  }
}

/** Throws "exhausted" for what is beyond the limit or does not fit. */
function checkSize(bytes: number, { bytes: most }: DownloadLimits, directory: string): void {
  if (bytes > most) throw new Failure("exhausted", `it is larger than ${most} bytes`);
  using opened = openDirectoryPath(directory);
  const { availableBytes } = filesystemStatus(opened.fd);
  if (bytes > availableBytes)
    throw new Failure("exhausted", `it has ${bytes} bytes, and ${availableBytes} are free on the disk`);
}

async function write(
  pieces: AsyncIterable<Uint8Array>,
  {
    path,
    modifiedMs,
    limits,
    onProgress,
  }: {
    readonly path: string;
    readonly modifiedMs: number;
    readonly limits: DownloadLimits;
    readonly onProgress: (bytes: number) => void;
  },
): Promise<Pick<Download, "digest" | "bytes">> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  await using file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > limits.bytes) throw new Failure("exhausted", `it is larger than ${limits.bytes} bytes`);
    hash.update(piece);
    await writeWhole(file, piece);
    onProgress(bytes);
  }
  await file.chmod(0o600);
  await file.utimes(modifiedMs / 1000, modifiedMs / 1000);
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), bytes };
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, piece: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
  } catch (thrown) {
    throw fileFailure("cannot write the file", thrown);
  }
}

function timeOf(header: string | undefined): number | undefined {
  const ms = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

/** Without the mark of a weak one, as BuildKit compares them; undefined for what no server should give. */
function etagOf(header: string | undefined): string | undefined {
  const value = header?.replace(/^W\//, "");
  return value === undefined || value === "" || value.length > 1024 ? undefined : value;
}
