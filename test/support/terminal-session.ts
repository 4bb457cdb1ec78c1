import { expect } from "bun:test";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { slowness } from "./patience.ts";

/** A command line in a terminal of its own (util-linux's script), 33 rows of 99 columns. */
export class TerminalSession implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #seen = "";

  constructor(argv: readonly string[]) {
    const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const shell = `trap : INT; stty rows 33 cols 99; tty; stty -g; sh -c 'echo PID=$$; exec "$@"' - ${quoted}; echo STATUS=$?; stty -g`;
    this.#child = spawn("script", ["-qfec", shell, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: process.env["PATH"] ?? "", HOME: "/root", TERM: "xterm", SHELL: "/bin/sh" },
    });
    this.#child.stdout.on("data", (piece: Buffer) => (this.#seen += piece.toString()));
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits until the text was printed since the start; returns all that was. */
  async sees(text: string | RegExp): Promise<string> {
    for (const end = Date.now() + 15_000 * slowness; Date.now() < end; await Bun.sleep(10)) {
      if (typeof text === "string" ? this.#seen.includes(text) : text.test(this.#seen)) return this.#seen;
    }
    throw new Error(`did not see ${text} in: ${JSON.stringify(this.#seen)}`);
  }

  async tty(): Promise<string> {
    return /\/dev\/pts\/\d+/.exec(await this.sees(/\/dev\/pts\/\d+/))?.[0] ?? "";
  }

  async pid(): Promise<number> {
    return Number(/PID=(\d+)/.exec(await this.sees(/PID=\d+/))?.[1]);
  }

  /** The exit status; fails when the terminal is not as it was before. */
  async finish(): Promise<number> {
    const seen = await this.sees(/STATUS=\d+\r?\n[0-9a-f:]+\r?\n/);
    const modes = [...seen.matchAll(/^([0-9a-f]+(?::[0-9a-f]+){10,})\r?$/gm)].map((match) => match[1]);
    expect(modes.length).toBe(2);
    expect(modes[1]).toBe(modes[0] as string);
    return Number(/STATUS=(\d+)/.exec(seen)?.[1]);
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
