import type { LogMessage, MessageEncoder } from "./message.ts";

const msInNs = 1_000_000n;

/** SPEC: Kubernetes, "CRI logging": `TIME STREAM F|P LINE`; P is a piece of a line that goes on. */
export class CriEncoder implements MessageEncoder {
  encode({ stream, timeNs, line, partial }: LogMessage): readonly Uint8Array[] {
    const tag = partial?.isLast === false ? "P" : "F";
    return [Buffer.concat([Buffer.from(`${formatTime(timeNs)} ${stream} ${tag} `), line, newline])];
  }
}

const newline = Buffer.from("\n");

/** RFC 3339 with nine digits of the second. */
function formatTime(timeNs: bigint): string {
  const seconds = new Date(Number(timeNs / msInNs)).toISOString().slice(0, -5);
  return `${seconds}.${String(timeNs % 1_000_000_000n).padStart(9, "0")}Z`;
}
