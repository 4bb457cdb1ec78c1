import type { LogReceiver } from "../../spec/log-driver/log-receiver.ts";
import { sentenceOf } from "../../base/failure.ts";
import { CriEncoder } from "../drivers/cri-encoder.ts";
import { AckReader, FluentdEncoder } from "../drivers/fluentd-encoder.ts";
import { GelfEncoder } from "../drivers/gelf-encoder.ts";
import { JournaldEncoder } from "../drivers/journald-encoder.ts";
import type { MessageContext, MessageEncoder } from "../drivers/message.ts";
import { SyslogEncoder } from "../drivers/syslog-encoder.ts";
import { openUdpTransport, openUnixDatagrams } from "../transports/datagram-transport.ts";
import { FileTransport } from "../transports/file-transport.ts";
import { type LogTransport, receiverLost } from "../transports/log-transport.ts";
import { type Confirmations, openStreamTransport } from "../transports/stream-transport.ts";

/** A connection, and the encoder of its messages. */
export interface ReceiverLink {
  readonly transport: LogTransport;
  readonly encoder: MessageEncoder;
  /** One message each: the receiver's kernel reports a lost one with the next. */
  readonly isDatagram: boolean;
}

/** Of sd_journal_send(3). */
export const journalSocket = "/run/systemd/journal/socket";
/** The sockets of syslog(3), in the order in which they are tried. */
const syslogSockets = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** Connects to the receiver. Throws a Failure with the reason; the caller disposes of the transport. */
export async function openReceiverLink(
  receiver: LogReceiver,
  { context, signal }: { readonly context: MessageContext; readonly signal: AbortSignal },
): Promise<ReceiverLink> {
  switch (receiver.driver) {
    case "cri":
      return { transport: new FileTransport(receiver.path), encoder: new CriEncoder(), isDatagram: false };
    case "journald":
      return {
        transport: openUnixDatagrams(journalSocket),
        encoder: new JournaldEncoder(context),
        isDatagram: true,
      };
    case "gelf": {
      const { address } = receiver;
      const isDatagram = address.transport === "udp";
      const transport = isDatagram
        ? await openUdpTransport(address)
        : await openStreamTransport(address, { signal });
      return { transport, encoder: new GelfEncoder(context, receiver), isDatagram };
    }
    case "fluentd": {
      const encoder = new FluentdEncoder(context, receiver);
      const confirmations = receiver.requestsAck ? confirmationsOf(encoder) : undefined;
      const transport = await openStreamTransport(receiver.address, { signal, confirmations });
      return { transport, encoder, isDatagram: false };
    }
    case "syslog": {
      const { address, tls, format, facility } = receiver;
      const countsOctets = address?.transport === "tls" && format.startsWith("rfc5424");
      const encoder = new SyslogEncoder(context, { facility, format, countsOctets });
      if (address === undefined)
        return { transport: await openLocalSyslog(signal), encoder, isDatagram: true };
      if (address.transport === "udp")
        return { transport: await openUdpTransport(address), encoder, isDatagram: true };
      if (address.transport === "unixgram")
        return { transport: openUnixDatagrams(address.path), encoder, isDatagram: true };
      return { transport: await openStreamTransport(address, { tls, signal }), encoder, isDatagram: false };
    }
    default:
      return receiver satisfies never;
  }
}

async function openLocalSyslog(signal: AbortSignal): Promise<LogTransport> {
  const reasons: string[] = [];
  for (const path of syslogSockets) {
    try {
      return openUnixDatagrams(path);
    } catch (thrown) {
      reasons.push(`${path}: ${sentenceOf(thrown)}`);
    }
    try {
      return await openStreamTransport({ transport: "unix", path }, { signal });
    } catch {
      // The reason is the same.
    }
  }
  throw receiverLost(`this host has no syslog: ${reasons.join("; ")}`);
}

function confirmationsOf(encoder: FluentdEncoder): Confirmations {
  const reader = new AckReader();
  return {
    waiting: encoder.unconfirmed,
    push(bytes) {
      const found = reader.push(bytes);
      for (const chunk of found ?? []) encoder.unconfirmed.delete(chunk);
      return found !== undefined;
    },
  };
}
