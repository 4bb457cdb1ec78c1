import { comparedReplies } from "./check-reply.ts";
import { CheckingServer } from "./checking-server.ts";

declare const self: Worker;

export interface ProxyStart {
  readonly socket: string;
  readonly target: string;
  /** One 32-bit number: not 0 once it listens. */
  readonly ready: SharedArrayBuffer;
}

export interface ProxyReport {
  readonly problems: readonly string[];
  readonly compared: number;
}

let server: CheckingServer | undefined;

self.addEventListener("message", ({ data }: MessageEvent<ProxyStart | "report">) => {
  if (data === "report") {
    const problems = server?.report() ?? [];
    self.postMessage({ problems, compared: comparedReplies() } satisfies ProxyReport, []);
    return;
  }
  server = new CheckingServer(data);
  void server.listening.then(() => {
    const flag = new Int32Array(data.ready);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
});
