import { DetachScanner, parseDetachKeys } from "../../api/container/detach-keys.ts";
import { FrameDecoder } from "../../spec/stream-frames.ts";
import { acceptWebSocket } from "../../api/http/web-socket.ts";
import type { Call } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { WebSocketDuplex } from "../http/web-socket-duplex.ts";

/**
 * `GET /containers/{id}/attach/ws`: both streams of output in the order in which they come, without Docker's frames.
 * SPEC: before API 1.42 all streams are attached, and before 1.28 output comes in text frames.
 */
export async function attachWebSocket(call: Call): Promise<void> {
  const { engine, attached, version, params, query, request, reply } = call;
  const fields = acceptWebSocket((name) => request.header(name));
  const keys = parseDetachKeys(query.text("detachKeys"));
  const { id = "" } = params;
  const all = version < 1042;
  const { terminal, duplex, recordDetach } = await engine.containers.attach(id, {
    stdin: all || query.boolean("stdin"),
    stdout: all || query.boolean("stdout"),
    stderr: all || query.boolean("stderr"),
    logs: query.boolean("logs"),
    stream: query.boolean("stream"),
  });
  using _ = attached.add(id);
  const frames = version < 1028 ? "text" : "binary";
  await bridge(new WebSocketDuplex(reply.switchProtocols(fields), { frames }), duplex, {
    output: terminal ? undefined : withoutFrames(),
    detach: terminal ? new DetachScanner(keys) : undefined,
    onDetach: recordDetach,
  });
}

function withoutFrames(): (piece: Uint8Array) => Uint8Array {
  const decoder = new FrameDecoder();
  return (piece) => Buffer.concat(decoder.push(piece).map(({ bytes }) => bytes));
}
