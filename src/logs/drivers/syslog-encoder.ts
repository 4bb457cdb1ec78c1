import type { SyslogFormat } from "../../spec/log-driver/log-receiver.ts";
import type { LogMessage, MessageContext, MessageEncoder } from "./message.ts";

const severityOf = { stdout: 6, stderr: 3 } as const;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export interface SyslogOptions {
  readonly facility: number;
  readonly format: SyslogFormat;
  /** Each message behind its length, as SPEC RFC 5425, section 4.3; otherwise with a line end. */
  readonly countsOctets: boolean;
}

/** SPEC: RFC 3164 and RFC 5424, in the forms that dockerd writes: the tag is the program's name and the message's id. */
export class SyslogEncoder implements MessageEncoder {
  readonly #context: MessageContext;
  readonly #options: SyslogOptions;

  constructor(context: MessageContext, options: SyslogOptions) {
    this.#context = context;
    this.#options = options;
  }

  encode({ stream, timeNs, line }: LogMessage): readonly Uint8Array[] {
    const head = Buffer.from(this.#head(this.#options.facility * 8 + severityOf[stream], timeNs));
    const message = Buffer.concat([head, line, Buffer.from("\n")]);
    if (!this.#options.countsOctets) return [message];
    return [Buffer.concat([Buffer.from(`${message.length} `), message])];
  }

  #head(priority: number, timeNs: bigint): string {
    const { tag, pid, hostname } = this.#context;
    switch (this.#options.format) {
      case "":
        return `<${priority}>${stamp(timeNs)} ${tag}[${pid}]: `;
      case "rfc3164":
        return `<${priority}>${stamp(timeNs)} ${hostname} ${tag}[${pid}]: `;
      case "rfc5424":
        return `<${priority}>1 ${isoTime(timeNs, { hasMicros: false })} ${hostname} ${tag} ${pid} ${tag} - `;
      case "rfc5424micro":
        return `<${priority}>1 ${isoTime(timeNs, { hasMicros: true })} ${hostname} ${tag} ${pid} ${tag} - `;
      default:
        return this.#options.format satisfies never;
    }
  }
}

/** SPEC: RFC 3164, section 4.1.2: local time, `Jan  2 15:04:05`. */
function stamp(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${time}`;
}

/** SPEC: RFC 5424, section 6.2.3: local time with its offset. */
function isoTime(timeNs: bigint, { hasMicros }: { readonly hasMicros: boolean }): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  const micros = hasMicros ? `.${String((timeNs / 1000n) % 1_000_000n).padStart(6, "0")}` : "";
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  const offset =
    minutes === 0 ? "Z" : `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${day}T${time}${micros}${offset}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
