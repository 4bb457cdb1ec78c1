import { sentenceOf } from "../base/failure.ts";
import { log } from "../base/log.ts";
import { openUnixSocket, sendUnixMessage } from "../linux/sockets/unix-message.ts";

/**
 * Reports to the service manager that started this process, by sd_notify(3). Does nothing without one. A message that
 * cannot be sent is logged: the daemon goes on.
 */
export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #watchdogMs: number;

  /** `env`: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of sd_notify(3) and sd_watchdog_enabled(3). */
  constructor(env: Readonly<Record<string, string | undefined>>) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: limit, WATCHDOG_PID: pid = String(process.pid) } = env;
    this.#socket = socket === "" ? undefined : socket;
    this.#watchdogMs = pid === String(process.pid) ? Number(limit ?? 0) / 1000 : 0;
  }

  /** The daemon serves. From now on the event loop reports twice in each period that it is alive. */
  reportReady(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}\n`);
    if (this.#watchdogMs > 0) setInterval(() => this.#send("WATCHDOG=1\n"), this.#watchdogMs / 2).unref();
  }

  reportStopping(): void {
    this.#send("STOPPING=1\n");
  }

  #send(text: string): void {
    if (this.#socket === undefined) return;
    try {
      using socket = openUnixSocket("datagram");
      sendUnixMessage(socket.fd, Buffer.from(text), { to: this.#socket });
    } catch (thrown) {
      log("warning", `cannot report to the service manager: ${sentenceOf(thrown)}`);
    }
  }
}
