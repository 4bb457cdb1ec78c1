import { DetachScanner, parseDetachKeys } from "../../api/container/detach-keys.ts";
import {
  parseConsoleSize,
  parseExecCreate,
  parseExecStart,
  parseResize,
} from "../../api/container/exec-request.ts";
import {
  encodeFrame,
  FrameDecoder,
  frameHeaderBytes,
  multiplexedStreamType,
  rawStreamType,
} from "../../spec/stream-frames.ts";
import { toDockerFailure } from "../../api/docker-errors.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Handlers } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { execInspectOf, execSpecOf } from "../map/exec.ts";

export const handlers: Handlers = {
  "exec.create": async ({ engine, params, body, reply }: Call) => {
    const request = parseExecCreate(body);
    parseDetachKeys(request.DetachKeys, { called: "escape" });
    const spec = execSpecOf(request, parseConsoleSize(request.ConsoleSize));
    reply.json(201, { Id: await engine.containers.createExec(params["id"] ?? "", spec) });
  },

  "exec.start": async (call: Call) => {
    const { engine, version, params, query, body, reply } = call;
    const { id = "" } = params;
    const { Detach: detach = false, Tty: isRaw = false, ConsoleSize } = parseExecStart(body);
    const consoleSize = parseConsoleSize(ConsoleSize);
    const descriptors = query.text("descriptors");
    const options = {
      detach,
      consoleSize,
      descriptors,
    };
    const keys = parseDetachKeys((await engine.containers.inspectExec(id)).spec.detachKeys);
    const stream = await engine.containers.startExec(id, options).catch(async (thrown: unknown) => {
      if (detach || !hasEnded(thrown)) throw thrown;
      await sendFailure(call, thrown, { isRaw });
      return undefined;
    });
    if (stream === undefined) {
      if (detach) reply.empty(200);
      return;
    }
    const client = reply.hijack(isRaw || version < 1042 ? rawStreamType : multiplexedStreamType);
    await bridge(client, stream.duplex, {
      output: outputFor({ isRaw, terminal: stream.terminal }),
      detach: stream.terminal ? new DetachScanner(keys) : undefined,
      onDetach: stream.recordDetach,
    });
  },

  "exec.resize": async ({ engine, params, query, reply }: Call) => {
    await engine.containers.resizeExec(
      params["id"] ?? "",
      parseResize({ h: query.text("h"), w: query.text("w") }),
    );
    reply.empty(200);
  },

  "exec.inspect": async ({ engine, params, reply }: Call) => {
    reply.json(200, execInspectOf(await engine.containers.inspectExec(params["id"] ?? "")));
  },
};

/** Whether a command could not be executed, and is over with its exit code. */
export function hasEnded(thrown: unknown): thrown is Failure {
  return thrown instanceof Failure && thrown.details.exitCode !== undefined;
}

/** The frame with the reason, in Docker's words, why a command could not be executed. */
export function formatExecFailure(failure: Failure, stream: "stdout" | "stderr"): Buffer {
  const { message } = toDockerFailure(failure, { operation: "exec.start", params: {} });
  return encodeFrame(stream, Buffer.from(`${quoteControls(message)}\r\n`));
}

/** SPEC: dockerd writes why into the stream; its client shows that and asks for the exit code (126, 127) afterwards. */
async function sendFailure(
  { engine, version, params, reply }: Call,
  failure: Failure,
  { isRaw }: { readonly isRaw: boolean },
): Promise<void> {
  const { spec } = await engine.containers.inspectExec(params["id"] ?? "");
  const client = reply.hijack(isRaw || version < 1042 ? rawStreamType : multiplexedStreamType);
  const frame = formatExecFailure(failure, spec.attachStderr === true ? "stderr" : "stdout");
  client.end(isRaw ? frame.subarray(frameHeaderBytes) : frame);
  client.resume();
}

/**
 * SPEC: `Tty` of the start decides whether dockerd frames the output, whatever the creation has said. Without frames the
 * standard error is left out.
 */
function outputFor({
  isRaw,
  terminal,
}: {
  readonly isRaw: boolean;
  readonly terminal: boolean;
}): ((piece: Uint8Array) => Uint8Array) | undefined {
  if (isRaw === terminal) return undefined;
  if (!isRaw) return (piece) => encodeFrame("stdout", piece);
  const decoder = new FrameDecoder();
  return (piece) => {
    const frames = decoder.push(piece).filter(({ stream }) => stream === "stdout");
    return Buffer.concat(frames.map(({ bytes }) => bytes));
  };
}
