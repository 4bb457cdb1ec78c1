import { bytesOf } from "../base/byte-stream.ts";
import type { Duplex } from "node:stream";

export interface Output {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Reads a framed stream to its end and takes it apart; a terminal's bytes are all stdout. */
export async function readOutput({
  duplex,
  terminal,
}: {
  readonly duplex: Duplex;
  readonly terminal: boolean;
}): Promise<Output> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOf(duplex)) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  return terminal ? { stdout: all, stderr: Buffer.alloc(0) } : splitFrames(all);
}

/** SPEC: Docker Engine API, "Stream format": stream, 0, 0, 0, length (32 bits, big-endian), bytes. */
export function splitFrames(bytes: Buffer): Output {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = Math.min(bytes.length, at + 8 + bytes.readUInt32BE(at + 4));
    (bytes[at] === 2 ? stderr : stdout).push(bytes.subarray(at + 8, end));
    at = end;
  }
  return { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}
