import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { StreamingServer, type StreamingRequest } from "../../src/cri/streaming/streaming-server.ts";
import { PodApiServer } from "../support/pod-api-server.ts";

const kubectl = "/usr/bin/kubectl";

let home: string;
let streaming: StreamingServer;
let api: PodApiServer;
let echo: Server;
let echoPort = 0;

/** Runs what kubectl asks for as a process of the test, or connects it to a server that gives back what it gets. */
function answer(kind: string, query: URLSearchParams): StreamingRequest {
  if (kind === "portforward") {
    return {
      kind,
      ports: [],
      connect: async () => {
        const socket = connect({ port: echoPort, host: "127.0.0.1", allowHalfOpen: true });
        await once(socket, "connect");
        return socket;
      },
    };
  }
  const [program = "cat", ...words] = query.getAll("command");
  const choice = {
    stdin: query.get("stdin") === "true",
    stdout: query.get("stdout") === "true",
    stderr: query.get("stderr") === "true",
    terminal: query.get("tty") === "true",
  };
  return {
    kind: kind === "attach" ? "attach" : "exec",
    choice,
    run: async ({ stdin, stdout, stderr }) => {
      const child = spawn(program, words, { stdio: [choice.stdin ? "pipe" : "ignore", "pipe", "pipe"] });
      if (child.stdin !== null) stdin?.pipe(child.stdin);
      const outputs = [
        [child.stdout, stdout],
        [child.stderr, stderr],
      ] as const;
      for (const [from, to] of outputs) if (to !== undefined) from?.pipe(to, { end: false });
      const [code] = (await once(child, "close")) as [number | null];
      return { code: code ?? 137 };
    },
  };
}

beforeAll(async () => {
  if (!existsSync(kubectl)) return;
  home = mkdtempSync(join(tmpdir(), "tare-kubectl-"));
  streaming = await StreamingServer.open();
  api = await PodApiServer.open(streaming, answer);
  echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const address = echo.address();
  echoPort = address !== null && typeof address === "object" ? address.port : 0;
});

afterAll(() => {
  if (!existsSync(kubectl)) return;
  streaming.close();
  api.close();
  echo.close();
  rmSync(home, { recursive: true });
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(words: readonly string[], { input = "", isWebSocket = true } = {}): Promise<Ended> {
  const child = spawn(kubectl, ["--server", api.address, ...words], {
    env: {
      ...process.env,
      HOME: home,
      KUBECONFIG: join(home, "none"),
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(isWebSocket),
      KUBECTL_PORT_FORWARD_WEBSOCKETS: String(isWebSocket),
    },
  });
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status: child.exitCode, stdout, stderr };
}

describe.skipIf(!existsSync(kubectl)).each([
  ["WebSockets", true, "websocket"],
  ["SPDY", false, "spdy/3.1"],
])("kubectl over %s", (_, isWebSocket, upgrade) => {
  const sh = ["exec", "p", "-i", "--", "sh", "-c"];

  test("exec gives output, errors and the exit code", async () => {
    const ended = await run([...sh, "echo out; echo err >&2; exit 7"], { isWebSocket });
    expect(ended.stdout).toBe("out\n");
    expect(ended.stderr).toBe("err\ncommand terminated with exit code 7\n");
    expect(ended.status).toBe(7);
    expect(api.upgrades.at(-1)).toBe(upgrade);
  });

  test("exec passes megabytes of input both ways, and its end", async () => {
    const input = "0123456789abcdef".repeat(256 * 1024);
    const ended = await run([...sh, "cat; echo end"], { input, isWebSocket });
    expect(ended.stderr).toBe("");
    expect(ended.stdout.length).toBe(input.length + 4);
    expect(ended.stdout === `${input}end\n`).toBe(true);
  });

  test("exec without input has none", async () => {
    const ended = await run(["exec", "p", "--", "cat"], { input: "lost", isWebSocket });
    expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("attach joins the program", async () => {
    const ended = await run(["attach", "p", "-i"], { input: "typed\n", isWebSocket });
    expect(ended.stdout).toBe("typed\n");
    expect(ended.status).toBe(0);
  });

  test("port-forward connects each client to the port", async () => {
    const child = spawn(kubectl, ["--server", api.address, "port-forward", "p", ":8080"], {
      env: {
        ...process.env,
        HOME: home,
        KUBECONFIG: join(home, "none"),
        KUBECTL_PORT_FORWARD_WEBSOCKETS: String(isWebSocket),
      },
    });
    let output = "";
    child.stdout.on("data", (piece: Buffer) => (output += piece.toString()));
    while (!/127\.0\.0\.1:(\d+) ->/.test(output)) await once(child.stdout, "data");
    const port = Number(/127\.0\.0\.1:(\d+) ->/.exec(output)?.[1]);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (__, index) => {
        const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        socket.end(`hello ${index}`);
        return await text(socket);
      }),
    );
    expect(answers).toEqual(Array.from({ length: 10 }, (__, index) => `hello ${index}`));
    child.kill("SIGTERM");
    await once(child, "close");
  });
});
