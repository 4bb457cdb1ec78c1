/**
 * Network namespaces that stand for a host with containers and for the world around it:
 *
 *     using world = await openWorld();     // host ── lan 10.9.0.0/24 fd09::/64 ── other
 *     const web = await world.addContainer("web");
 *     await world.host.call("ensure", plan);
 *     await world.other.probe("tcp", "10.9.0.1", 8080)
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { Failure, type FailureKind } from "../../src/base/failure.ts";
import { fromLine, toLine } from "./network-lines.ts";
import { Scratch } from "./scratch.ts";

export type Probe = "tcp" | "udp";

export class TestNamespace {
  readonly name: string;
  readonly #agent: ChildProcess;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (thrown: unknown) => void }
  >();
  #next = 1;

  constructor(name: string) {
    this.name = name;
    this.#agent = spawn(
      "ip",
      [
        "netns",
        "exec",
        name,
        process.execPath,
        new URL("network-agent-process.ts", import.meta.url).pathname,
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    const lines = createInterface({ input: this.#agent.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => {
      const { id, result, error, kind } = fromLine(line) as {
        id: number;
        result: unknown;
        error?: string;
        kind?: string;
      };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Failure((kind ?? "internal") as FailureKind, error));
    });
    this.#agent.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the agent in ${name} has ended`));
    });
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  async call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = this.#next++;
    return await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#agent.stdin?.write(`${toLine({ id, method, args })}\n`);
    }).then((value) => value as T);
  }

  async listen(protocol: Probe, port: number, text: string): Promise<void> {
    await this.call("listen", { protocol, port, text });
  }

  /** The server's answer, or `refused`, `unreachable`, `silent`. */
  async probe(
    protocol: Probe,
    address: string,
    port: number,
    { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<string> {
    return await this.call("probe", { protocol, address, port, timeoutMs });
  }

  /** As probe(), where no answer is expected. */
  async probeBriefly(protocol: Probe, address: string, port: number): Promise<string> {
    return await this.probe(protocol, address, port, { timeoutMs: 700 });
  }

  run(...command: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", this.name, ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Rules of a chain may end with its brace on their line, which nft itself does not take. */
  nft(rules: string): void {
    const input = rules.replace(/;? *\}/g, "\n}");
    execFileSync("ip", ["netns", "exec", this.name, "nft", "-f", "-"], {
      input,
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  /** kill -9 of the agent: in the host's place, of the engine. */
  async kill(): Promise<void> {
    if (this.#agent.exitCode !== null || this.#agent.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#agent.once("exit", resolve));
    this.#agent.kill("SIGKILL");
    await gone;
  }
}

export class World implements AsyncDisposable {
  readonly #namespaces: TestNamespace[] = [];
  readonly #bare: string[] = [];
  readonly #mark = randomBytes(3).toString("hex");
  readonly #scratch = new Scratch("net");
  /** For the engine that acts as the host. */
  readonly dataRoot: string = this.#scratch.path;
  host!: TestNamespace;
  other!: TestNamespace;

  async add(name: string): Promise<TestNamespace> {
    const full = `tw${this.#mark}-${name}`;
    execFileSync("ip", ["netns", "add", full]);
    const namespace = new TestNamespace(full);
    this.#namespaces.push(namespace);
    namespace.run("ip", "link", "set", "lo", "up");
    return await Promise.resolve(namespace);
  }

  /** The namespace of a process, a container's. */
  async adopt(name: string, pid: number): Promise<TestNamespace> {
    const full = `tw${this.#mark}-${name}`;
    execFileSync("ip", ["netns", "attach", full, String(pid)]);
    const namespace = new TestNamespace(full);
    this.#namespaces.push(namespace);
    return await Promise.resolve(namespace);
  }

  /** A namespace without processes; returns its path. */
  addBare(name: string): string {
    const full = `tw${this.#mark}-${name}`;
    execFileSync("ip", ["netns", "add", full]);
    this.#bare.push(full);
    return `/run/netns/${full}`;
  }

  /** A new engine's process in the host's place, after kill(). */
  async reopenHost(): Promise<TestNamespace> {
    await this.host.kill();
    this.host = new TestNamespace(this.host.name);
    this.#namespaces.push(this.host);
    return this.host;
  }

  join(
    one: TestNamespace,
    other: TestNamespace,
    link: { readonly name: string; readonly peer: string; readonly net: number },
  ): void {
    const { name, peer, net } = link;
    one.run("ip", "link", "add", name, "type", "veth", "peer", "name", peer, "netns", other.name);
    for (const [namespace, device, last] of [
      [one, name, 1],
      [other, peer, 2],
    ] as const) {
      namespace.run("ip", "addr", "add", `10.${net}.0.${last}/24`, "dev", device);
      namespace.run(
        "ip",
        "addr",
        "add",
        `fd${String(net).padStart(2, "0")}::${last}/64`,
        "dev",
        device,
        "nodad",
      );
      namespace.run("ip", "link", "set", device, "up");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.#scratch;
    for (const namespace of this.#namespaces) await namespace.kill();
    for (const name of new Set([...this.#namespaces.map((namespace) => namespace.name), ...this.#bare]))
      execFileSync("ip", ["netns", "del", name]);
  }
}

/** The host (10.9.0.1, fd09::1 on `lan`) and another one on its link, which routes unknown destinations through it. */
export async function openWorld(): Promise<World> {
  await using undo = new AsyncDisposableStack();
  const world = undo.use(new World());
  world.host = await world.add("host");
  world.other = await world.add("other");
  world.join(world.host, world.other, { name: "lan", peer: "eth0", net: 9 });
  world.other.run("ip", "route", "add", "default", "via", "10.9.0.1");
  world.other.run("ip", "-6", "route", "add", "default", "via", "fd09::1");
  undo.move();
  return world;
}
