import type { DatabaseSync } from "node:sqlite";
import { isRecord } from "../../base/is-record.ts";
import { parseTrustedJson } from "../../base/trusted-json.ts";

/** Fields of the request, and the members that they become. Part of a migration: never changed. */
const members = {
  Interval: "intervalNs",
  Timeout: "timeoutNs",
  StartPeriod: "startPeriodNs",
  StartInterval: "startIntervalNs",
  Retries: "retries",
} as const;

/**
 * A specification whose health check was the list of its words, with the other settings that the client had sent. Pure.
 */
export function wholeHealthcheck(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { lifecycle, received } = spec;
  if (!isRecord(lifecycle) || !Array.isArray(lifecycle["healthcheck"])) return spec;
  const config = isRecord(received) ? received["config"] : undefined;
  const sent = isRecord(config) ? config["Healthcheck"] : undefined;
  const healthcheck: Record<string, unknown> = { test: lifecycle["healthcheck"] };
  for (const [field, member] of Object.entries(members)) {
    const value = isRecord(sent) ? sent[field] : undefined;
    if (typeof value === "number" && value > 0) healthcheck[member] = value;
  }
  return { ...spec, lifecycle: { ...lifecycle, healthcheck } };
}

/** The migration of records from before health checks were run. The caller owns the transaction. */
export function wholeHealthchecks(connection: DatabaseSync): void {
  const update = connection.prepare("UPDATE containers SET record = ? WHERE id = ?");
  for (const { id, record } of connection.prepare("SELECT id, record FROM containers").all()) {
    const content = parseTrustedJson<{ readonly spec: Readonly<Record<string, unknown>> }>(String(record));
    const spec = wholeHealthcheck(content.spec);
    if (spec !== content.spec) update.run(JSON.stringify({ ...content, spec }), id ?? null);
  }
}
