import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { kindOf } from "../../src/base/failure.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { poll } from "../support/patience.ts";
import { SpdyClient } from "../support/spdy-client.ts";
import { isRoot } from "../support/tare.ts";

interface Channels {
  readonly send: (channel: number, text: string) => void;
  readonly on: (channel: number) => string;
  readonly close: () => void;
  readonly closed: Promise<void>;
}

/** Opens an address that the runtime has given, as a kubelet does for kubectl. */
async function open(url: string): Promise<Channels> {
  const socket = new WebSocket(url.replace("http:", "ws:"), ["v5.channel.k8s.io"]);
  socket.binaryType = "arraybuffer";
  const texts = new Map<number, string>();
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
    const bytes = Buffer.from(data);
    texts.set(bytes[0] ?? -1, `${texts.get(bytes[0] ?? -1) ?? ""}${bytes.subarray(1).toString()}`);
  });
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the address was refused")));
  });
  return {
    send: (channel, text) => socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)])),
    on: (channel) => texts.get(channel) ?? "",
    close: () => socket.close(),
    closed,
  };
}

describe.skipIf(!isRoot)("streams of the CRI", () => {
  let daemon: CriDaemon;
  let pod: string;

  beforeAll(async () => {
    daemon = new CriDaemon();
    await daemon.start();
    await daemon.loadBusybox();
    pod = await daemon.runPod();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test("Exec gives output, errors and the status, once for each address", async () => {
    const id = await daemon.runContainer(pod, {
      metadata: { name: "exec", attempt: 0 },
      command: ["sleep", "1000"],
    });
    const cmd = ["sh", "-c", "echo out; echo err >&2; exit 7"];
    const { url } = await daemon.runtime("Exec", { container_id: id, cmd, stdout: true, stderr: true });
    const client = await open(url);
    await client.closed;
    expect([client.on(1), client.on(2)]).toEqual(["out\n", "err\n"]);
    expect(JSON.parse(client.on(3))).toMatchObject({
      reason: "NonZeroExitCode",
      details: { causes: [{ message: "7" }] },
    });
    await expect(open(url)).rejects.toThrow("refused");
  });

  test("Exec passes input on, a terminal's size too, and a client that leaves ends the program", async () => {
    const id = await daemon.runContainer(pod, {
      metadata: { name: "input", attempt: 0 },
      command: ["sleep", "1000"],
    });
    const cat = { container_id: id, cmd: ["cat"], stdin: true, stdout: true };
    const piped = await open((await daemon.runtime("Exec", cat)).url);
    piped.send(0, "typed\n");
    piped.send(255, "\0"); // the end of the input
    await piped.closed;
    expect(piped.on(1)).toBe("typed\n");
    expect(JSON.parse(piped.on(3)).status).toBe("Success");
    const sh = { container_id: id, cmd: ["sh"], stdin: true, stdout: true, tty: true };
    const terminal = await open((await daemon.runtime("Exec", sh)).url);
    terminal.send(4, JSON.stringify({ Width: 91, Height: 33 }));
    await poll(
      async () => {
        terminal.send(0, "stty size\n");
        return /33 91/.test(terminal.on(1)) || undefined;
      },
      { timeoutMs: 10_000, everyMs: 100, what: "the size of the terminal" },
    );
    terminal.send(0, "exec sleep 5432\n");
    const runs = async (): Promise<boolean> => (await daemon.exec(id, "ps")).includes("sleep 5432");
    await poll(async () => (await runs()) || undefined, { timeoutMs: 10_000, what: "the program" });
    terminal.close();
    await poll(async () => !(await runs()) || undefined, { timeoutMs: 10_000, what: "the program's end" });
  });

  test("Attach joins the container's streams, and the container runs on without the client", async () => {
    const id = await daemon.runContainer(pod, {
      metadata: { name: "attach", attempt: 0 },
      command: ["cat"],
      stdin: true,
    });
    const streams = { container_id: id, stdin: true, stdout: true, stderr: true };
    const client = await open((await daemon.runtime("Attach", streams)).url);
    client.send(0, "hello\n");
    await poll(() => client.on(1) === "hello\n" || undefined, { timeoutMs: 10_000, what: "the answer" });
    client.close();
    await client.closed;
    expect((await daemon.status(id)).state).toBe(1);
  });

  test("PortForward connects to the pod's loopback, and reports a port at which nothing listens", async () => {
    await daemon.runContainer(pod, {
      metadata: { name: "server", attempt: 0 },
      command: ["sh", "-c", "echo served > /tmp/i; httpd -f -h /tmp -p 127.0.0.1:8099"],
    });
    const { url } = await daemon.runtime("PortForward", { pod_sandbox_id: pod, port: [8099] });
    const client = await SpdyClient.open(url, ["portforward.k8s.io"]);
    const ask = async (port: string, requestid: string): Promise<readonly [string, string]> => {
      const error = await client.stream({ streamtype: "error", port, requestid });
      const data = await client.stream({ streamtype: "data", port, requestid });
      error.end();
      data.write("GET /i HTTP/1.0\r\n\r\n");
      data.end();
      return [await data.ended, await error.ended];
    };
    let count = 0;
    const answer = await poll(
      async () => {
        const [data, error] = await ask("8099", String(++count));
        return error === "" ? data : undefined;
      },
      { timeoutMs: 10_000, everyMs: 100, what: "the server in the pod" },
    );
    expect(answer).toEndWith("\r\n\r\nserved\n");
    expect((await ask("8098", "none"))[1]).toContain("cannot connect to port 8098 of the pod");
    client.socket.destroy();
  });

  test("wishes are checked before there is an address", async () => {
    const id = await daemon.runContainer(pod, {
      metadata: { name: "wishes", attempt: 0 },
      command: ["sleep", "1000"],
    });
    const kindOfFailed = async (call: Promise<unknown>): Promise<string> =>
      kindOf(await call.catch((thrown: unknown) => thrown));
    const exec = { container_id: id, cmd: ["true"] };
    expect(await kindOfFailed(daemon.runtime("Exec", exec))).toBe("invalid");
    expect(await kindOfFailed(daemon.runtime("Exec", { ...exec, cmd: [], stdout: true }))).toBe("invalid");
    const attach = { container_id: id, tty: true, stderr: true, stdout: true };
    expect(await kindOfFailed(daemon.runtime("Attach", attach))).toBe("invalid");
    await daemon.runtime("StopContainer", { container_id: id, timeout: 0 });
    expect(await kindOfFailed(daemon.runtime("Exec", { ...exec, stdout: true }))).toBe("conflict");
    const stopped = await daemon.runPod();
    await daemon.runtime("StopPodSandbox", { pod_sandbox_id: stopped });
    const forward = daemon.runtime("PortForward", { pod_sandbox_id: stopped });
    expect(await kindOfFailed(forward)).toBe("conflict");
  });
});
