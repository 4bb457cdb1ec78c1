import { parseConsoleSize, parseExecCreate, parseExecStart, requireSize } from "../../api/exec-request.ts";
import { multiplexedStreamType, rawStreamType } from "../../api/stream-frames.ts";
import type { Call, Handlers } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { execInspectOf, execSpecOf } from "../map/exec.ts";

export const handlers: Handlers = {
  "exec.create": async ({ engine, params, body, reply }: Call) => {
    const request = parseExecCreate(body);
    const spec = execSpecOf(request, parseConsoleSize(request.ConsoleSize));
    reply.json(201, { Id: await engine.containers.createExec(params["id"] ?? "", spec) });
  },

  "exec.start": async ({ engine, version, params, body, reply }: Call) => {
    const { id = "" } = params;
    const { Detach: detach = false, ConsoleSize } = parseExecStart(body);
    const consoleSize = parseConsoleSize(ConsoleSize);
    const options = { detach, ...(consoleSize === undefined ? {} : { consoleSize }) };
    const stream = await engine.containers.startExec(id, options);
    if (stream === undefined) {
      reply.empty(200);
      return;
    }
    const type = stream.terminal || version < 1042 ? rawStreamType : multiplexedStreamType;
    await bridge(reply.hijack(type), stream.duplex);
  },

  "exec.resize": async ({ engine, params, query, reply }: Call) => {
    await engine.containers.resizeExec(
      params["id"] ?? "",
      requireSize(query.integer("h"), query.integer("w")),
    );
    reply.empty(200);
  },

  "exec.inspect": async ({ engine, params, reply }: Call) => {
    reply.json(200, execInspectOf(await engine.containers.inspectExec(params["id"] ?? "")));
  },
};
