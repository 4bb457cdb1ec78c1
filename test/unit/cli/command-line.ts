import { PassThrough } from "node:stream";
import type { HostFinding } from "../../../src/model/host-check.ts";
import type { Client } from "../../../src/client/client.ts";
import type { CliContext, GlobalOptions } from "../../../src/cli/context.ts";
import { silentFailure } from "../../../src/cli/flags/flag.ts";
import { main } from "../../../src/cli/main.ts";

/** What one command line did. */
export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** The options of each connection it made. */
  readonly connections: readonly GlobalOptions[];
  /** Packets of descriptors. */
  readonly sent: readonly unknown[];
  /** Programs that took its place. */
  readonly became: readonly Became[];
}

export interface Became {
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Given {
  /** The calls a command may make, as deep as it needs: `{ containers: { list: () => [] } }`. */
  readonly client?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What checkHost() finds. */
  readonly findings?: readonly HostFinding[];
  readonly stdin?: NodeJS.ReadableStream;
}

/** Runs a command line against a client that has only the calls given. */
export async function runCommandLine(argv: readonly string[], given: Given = {}): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let out = "";
  let err = "";
  stdout.on("data", (piece) => (out += String(piece)));
  stderr.on("data", (piece) => (err += String(piece)));
  const connections: GlobalOptions[] = [];
  const sent: unknown[] = [];
  const became: Became[] = [];
  const context: CliContext = {
    stdin: given.stdin ?? new PassThrough(),
    stdout,
    stderr,
    env: given.env ?? {},
    cwd: given.cwd ?? "/",
    hasContent: (path) => Bun.file(path).size > 0,
    build: { version: "1.2.3", commit: "abcdef" },
    repair: async () => undefined,
    confirmRepair: async () => false,
    checkHost: async () => given.findings ?? [],
    become: async (program, given) => {
      became.push({ program, ...given });
      throw silentFailure(0);
    },
    sendDescriptors: async (_, packet) => void sent.push(packet),
    connect: async (options) => {
      connections.push(options);
      return given.client as Client;
    },
    widen: async (client) => client as Client,
  };
  const status = await main(argv, context);
  return { status, out, err, connections, sent, became };
}
