import { parseDescriptorRequest } from "../../api/container/descriptor-request.ts";
import { encodeProgressLine } from "../../api/http/progress-lines.ts";
import type { Call, Handlers } from "../handler.ts";
import { checkFindingOf, namespacesRowOf, reachRowOf, storeUsageOf } from "../map/tare.ts";
import { streamLines } from "../http/stream-lines.ts";
import { benchMessageOf } from "../map/storage-bench.ts";
import { streamPlainLogs } from "./container-logs.ts";
import { runCommand } from "./command.ts";
import { executePlain } from "./exec-fast-path.ts";
import { runPlain } from "./run-fast-path.ts";

export const handlers: Handlers = {
  "tare.build": async ({ engine, facts, reply }: Call) => {
    const { dataRoot, runRoot } = await engine.info();
    reply.json(200, {
      Version: facts.version,
      BuildId: facts.buildId,
      Pid: process.pid,
      DataRoot: dataRoot,
      RunRoot: runRoot,
    });
  },

  "tare.run": runPlain,
  "tare.exec": executePlain,
  "tare.logs": streamPlainLogs,
  "tare.command": runCommand,

  "tare.namespaces": async ({ engine, reply }: Call) => {
    reply.json(200, (await engine.namespaces()).map(namespacesRowOf));
  },

  "tare.usage": async ({ engine, reply, signal }: Call) => {
    reply.json(200, storeUsageOf(await engine.storeUsage({ signal })));
  },

  "tare.reach": async ({ engine, reply }: Call) => {
    reply.json(200, (await engine.networks.reach()).map(reachRowOf));
  },

  "tare.check": async ({ engine, query, reply, signal }: Call) => {
    const findings = await engine.check({ verify: query.boolean("verify"), signal });
    reply.json(200, findings.map(checkFindingOf));
  },

  "tare.storage-bench": async ({ engine, query, reply, signal }: Call) => {
    const sizeBytes = query.integer("size");
    const containers = query.integer("containers");
    await streamLines(reply, async () => {
      const events = engine.benchStorage({
        quick: query.boolean("quick"),
        sizeBytes,
        containers,
        signal,
      });
      for await (const event of events) {
        if (!reply.isBegun) reply.begin("application/json");
        await reply.write(encodeProgressLine(benchMessageOf(event)));
      }
    });
  },

  "tare.descriptors": async ({ engine, body, reply }: Call) => {
    const { Targets: targets = [] } = parseDescriptorRequest(body);
    const { socket, token } = await engine.offerDescriptors(targets);
    reply.json(201, { Socket: socket, Token: token });
  },

  "tare.settle": async ({ engine, reply }: Call) => {
    await engine.settle();
    reply.empty(204);
  },

  "tare.shutdown": async ({ reply, shutdown }: Call) => {
    reply.empty(204);
    shutdown();
  },
};
