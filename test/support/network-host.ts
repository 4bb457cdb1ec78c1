import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";

/** A network namespace with nothing but its `lo`, which is up; alive until it is disposed of. */
export class NetworkHost implements Disposable {
  readonly pid: number;
  /** Its namespace. */
  readonly netns: number;
  readonly #end: () => void;

  constructor(pid: number, end: () => void) {
    this.pid = pid;
    this.netns = openSync(`/proc/${pid}/ns/net`, "r");
    this.#end = end;
  }

  /** Runs a command there and returns its output. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const child = spawn("nsenter", [`--net=/proc/${this.pid}/ns/net`, command, ...args]);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes) => (output += String(bytes)));
    await once(child, "close");
    return output;
  }

  [Symbol.dispose](): void {
    closeSync(this.netns);
    this.#end();
  }
}

export function makeNetworkHost(): NetworkHost {
  const holder = spawn("unshare", ["--net", "sleep", "600"], { stdio: "ignore" });
  const pid = holder.pid as number;
  const own = spawnSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }).stdout;
  while (spawnSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" }).stdout === own)
    Bun.sleepSync(2);
  const up = spawnSync("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", "link", "set", "lo", "up"]);
  if (up.status !== 0) throw new Error(`ip link set lo up: ${String(up.stderr)}`);
  return new NetworkHost(pid, () => holder.kill("SIGKILL"));
}
