import { graceMsOf } from "../../api/container/parse-spec.ts";
import { DetachScanner, parseDetachKeys } from "../../api/container/detach-keys.ts";
import { parseResize } from "../../api/container/exec-request.ts";
import { type Filters, requireFilterKeys } from "../../api/http/filters.ts";
import { adaptContainerInspect, adaptContainerSummary } from "../../api/http/version-compat.ts";
import { multiplexedStreamType, rawStreamType } from "../../spec/stream-frames.ts";
import { parseUpdateRequest } from "../../api/container/update-request.ts";
import { Failure, isAlreadyRunning } from "../../base/failure.ts";
import type { Call, Handlers } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { healthOf } from "../map/container-state.ts";
import { containerInspectOf, timingOf } from "../map/container-inspect.ts";
import { containerSummaryOf } from "../map/container-summary.ts";
import { containersReportOf } from "../map/usage.ts";
import { commit, copyFrom, copyInto, listChanges, statPath, streamExport } from "./container-files.ts";
import { streamLogs } from "./container-logs.ts";
import { createContainer } from "./create-container.ts";
import { beginWait, parseCondition, parseRun, replyEnd, runContainer } from "./run-container.ts";

const listFilters = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "pod",
  "publish",
  "realm",
  "since",
  "status",
  "volume",
];

export const handlers: Handlers = {
  "containers.list": async ({ engine, lists, version, query, reply, signal }: Call) => {
    const limit = query.integer("limit") ?? 0;
    const filters = withOldParameters(query.filters(), query.text("since"), query.text("before"));
    requireFilterKeys(filters, listFilters);
    const all = query.boolean("all") || limit > 0 || "status" in filters || "exited" in filters;
    const size = query.boolean("size");
    const key = JSON.stringify([all, limit, version, filters]);
    const { revision } = engine.containers;
    const prepared = size ? undefined : lists.find(key, revision);
    if (prepared !== undefined) return reply.jsonText(200, prepared);
    const found = await engine.containers.list({
      all,
      filters,
      size,
      signal,
      limit: limit > 0 ? limit : undefined,
    });
    const now = Date.now();
    const rows = found.map((container) => adaptContainerSummary(containerSummaryOf(container, now), version));
    const text = `${JSON.stringify(rows)}\n`;
    if (!size) lists.keep(key, revision, text);
    reply.jsonText(200, text);
  },

  "containers.create": async (call: Call) => {
    const { engine, query, body, configuration, version, authorizeStep } = call;
    // Authorization plug-ins have to see each step as Docker's request: the client then sends them.
    const run = authorizeStep === undefined ? parseRun(query) : undefined;
    const options = {
      name: query.text("name"),
      platform: query.text("platform"),
      version,
      startsNext: run !== undefined,
      defaults: configuration.createDefaults,
    };
    const created = await createContainer(engine, body, options);
    if (run === undefined) call.reply.json(201, created);
    else await runContainer(call, created, run);
  },

  "containers.inspect": async ({ engine, version, params, query, reply, signal }: Call) => {
    const size = query.boolean("size");
    const found = await engine.containers.inspect(params["id"] ?? "", { size, signal });
    reply.json(200, adaptContainerInspect(containerInspectOf(found), version));
  },

  "containers.prune": async ({ engine, query, reply }: Call) => {
    // Goes on when the client leaves, as in Docker.
    reply.json(200, containersReportOf(await engine.containers.prune({ filters: query.filters() })));
  },

  "containers.logs": streamLogs,

  "containers.changes": listChanges,

  "containers.export": streamExport,

  "containers.statPath": statPath,

  "containers.copyFrom": copyFrom,

  "containers.copyInto": copyInto,

  "containers.commit": commit,

  /**
   * Tare's own client asks for attach and start at once: `attached` starts it when a client has attached by the same
   * words, and with `until` the reply, whose head comes with the start, ends as that of wait does.
   */
  "containers.start": async ({ engine, attached, params, query, reply, signal, authorizeStep }: Call) => {
    if (query.text("checkpoint") !== undefined) {
      throw new Failure("unsupported", "starting from a checkpoint is not supported yet");
    }
    const { id = "" } = params;
    const until = query.text("until");
    if (until !== undefined)
      await authorizeStep?.("POST", `/containers/${id}/wait?condition=${encodeURIComponent(until)}`);
    if (query.boolean("attached")) await attached.first(id, { signal });
    const failed = new AbortController();
    const ended =
      until === undefined
        ? undefined
        : beginWait(engine, id, { until: parseCondition(until), signal, failed });
    try {
      const descriptors = query.text("descriptors");
      const options = descriptors === undefined ? {} : { descriptors };
      const timing = await engine.containers.start(id, options);
      const headers = { "Tare-Timing": JSON.stringify(timingOf(timing)) };
      if (ended === undefined) return reply.empty(204, headers);
      reply.begin("application/json", headers);
      await replyEnd(reply, ended);
    } catch (thrown) {
      failed.abort();
      if (!isAlreadyRunning(thrown)) throw thrown;
      reply.empty(304);
    }
  },

  "containers.stop": async ({ engine, params, query, reply }: Call) => {
    const wasRunning = await engine.containers.stop(params["id"] ?? "", stopOptions(query));
    reply.empty(wasRunning ? 204 : 304);
  },

  "containers.restart": async ({ engine, params, query, reply }: Call) => {
    await engine.containers.restart(params["id"] ?? "", stopOptions(query));
    reply.empty(204);
  },

  "containers.kill": async ({ engine, params, query, reply }: Call) => {
    const signal = query.text("signal");
    await engine.containers.kill(params["id"] ?? "", signal === undefined ? {} : { signal });
    reply.empty(204);
  },

  "containers.pause": async ({ engine, params, reply }: Call) => {
    await engine.containers.pause(params["id"] ?? "");
    reply.empty(204);
  },

  "containers.unpause": async ({ engine, params, reply }: Call) => {
    await engine.containers.unpause(params["id"] ?? "");
    reply.empty(204);
  },

  "containers.checkHealth": async ({ engine, params, reply }: Call) => {
    reply.json(200, healthOf(await engine.containers.checkHealth(params["id"] ?? "")));
  },

  "containers.update": async ({ engine, version, params, body, reply }: Call) => {
    const changes = parseUpdateRequest(body, version);
    const { warnings } = await engine.containers.update(params["id"] ?? "", changes);
    reply.json(200, { Warnings: warnings });
  },

  "containers.top": async ({ engine, params, query, reply }: Call) => {
    const { titles, processes } = await engine.containers.top(params["id"] ?? "", {
      psOptions: query.text("ps_args") ?? "",
    });
    reply.json(200, { Titles: titles, Processes: processes });
  },

  "containers.stats": async (call: Call) => {
    const { streamStats } = await import("./container-stats.ts"); // an idle daemon does not hold it
    await streamStats(call);
  },

  "containers.rename": async ({ engine, params, query, reply }: Call) => {
    const name = query.text("name");
    if (name === undefined) throw new Failure("invalid", "Neither old nor new names may be empty");
    await engine.containers.rename(params["id"] ?? "", name.replace(/^\//, ""));
    reply.empty(204);
  },

  "containers.remove": async ({ engine, params, query, reply }: Call) => {
    const link = query.boolean("link");
    const options = { force: query.boolean("force"), volumes: query.boolean("v"), link };
    await engine.containers.remove(params["id"] ?? "", options);
    reply.empty(204);
  },

  "containers.resize": async ({ engine, params, query, reply }: Call) => {
    await engine.containers.resize(
      params["id"] ?? "",
      parseResize({ h: query.text("h"), w: query.text("w") }),
    );
    reply.empty(200);
  },

  "containers.wait": async ({ engine, params, query, reply, signal }: Call) => {
    const { id = "" } = params;
    const until = parseCondition(query.text("condition") ?? "not-running");
    // The container by its id: its name may be gone, or another's, when it ends.
    const container = await engine.containers.inspect(id);
    const ended = engine.containers.wait(container.id, { until, signal });
    ended.catch(() => {});
    // docker run starts the container when it sees this head: the engine has to be waiting by then.
    await new Promise((resolve) => setImmediate(resolve));
    reply.begin("application/json");
    await replyEnd(reply, ended);
  },

  "containers.attach": async (call: Call) => {
    const { engine, attached, version, params, query, reply } = call;
    const keys = parseDetachKeys(query.text("detachKeys"));
    const { id = "" } = params;
    const { terminal, duplex, recordDetach } = await engine.containers.attach(id, {
      stdin: query.boolean("stdin"),
      stdout: query.boolean("stdout"),
      stderr: query.boolean("stderr"),
      logs: query.boolean("logs"),
      stream: query.boolean("stream"),
    });
    using _ = attached.add(id);
    const client = reply.hijack(terminal || version < 1042 ? rawStreamType : multiplexedStreamType);
    await bridge(client, duplex, {
      detach: terminal ? new DetachScanner(keys) : undefined,
      onDetach: recordDetach,
    });
  },

  "containers.attachWebSocket": async (call: Call) => {
    const { attachWebSocket } = await import("./attach-web-socket.ts"); // an idle daemon does not hold it
    await attachWebSocket(call);
  },
};

function stopOptions(query: Call["query"]): {
  readonly signal?: string | undefined;
  readonly graceMs?: number | undefined;
} {
  const signal = query.text("signal");
  const seconds = query.integer("t");
  return {
    signal,
    graceMs: seconds === undefined ? undefined : graceMsOf(seconds),
  };
}

/** `since` and `before` were parameters of their own before they were filters. */
function withOldParameters(filters: Filters, since: string | undefined, before: string | undefined): Filters {
  return {
    ...filters,
    ...(since === undefined ? {} : { since: [since] }),
    ...(before === undefined ? {} : { before: [before] }),
  };
}
