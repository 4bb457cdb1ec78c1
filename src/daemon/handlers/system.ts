import { readFile } from "node:fs/promises";
import { adaptInfo } from "../../api/http/version-compat.ts";
import { parseLoginRequest } from "../../api/image/registry-auth.ts";
import { parseUsageTypes } from "../../api/system/usage-types.ts";
import type { Call, Handlers } from "../handler.ts";
import { infoOf, versionOf } from "../map/info.ts";
import { usageOf } from "../map/usage.ts";

const pingHeaders = {
  Swarm: "inactive",
  "Cache-Control": "no-cache, no-store, must-revalidate",
  Pragma: "no-cache",
};

export const handlers: Handlers = {
  "system.ping": async ({ reply, buildKit }: Call) => {
    // 1: the classic builder's routes are asked; 2: BuildKit's.
    reply.text(200, "OK", { "Builder-Version": buildKit === undefined ? "1" : "2", ...pingHeaders });
  },

  "system.options": async ({ reply }: Call) => {
    reply.empty(200);
  },

  "system.version": async ({ engine, facts, reply }: Call) => {
    reply.json(200, versionOf(await engine.info(), facts));
  },

  "system.info": async ({ engine, facts, configuration, version, reply }: Call) => {
    const [info, forwardsIpv4] = await Promise.all([engine.info(), readForwarding()]);
    reply.json(200, adaptInfo(infoOf(info, facts, { forwardsIpv4, configuration }), version));
  },

  // Tare has no plugins, see src/daemon/handlers/swarm.ts.
  "system.plugins": async ({ reply }: Call) => {
    reply.json(200, []);
  },

  "system.diskUsage": async ({ engine, version, query, reply, signal }: Call) => {
    const types = parseUsageTypes(query.texts("type"), version);
    const kinds = (["image", "container", "volume"] as const).filter((kind) => types.includes(kind));
    const usage = await engine.diskUsage({ kinds, signal });
    const builds = types.includes("build-cache") ? await engine.openBuilds?.() : undefined;
    const buildCache = (await builds?.cache({ signal })) ?? [];
    const isVerbose = query.boolean("verbose");
    reply.json(200, usageOf(usage, { types, version, isVerbose, nowMs: Date.now(), buildCache }));
  },

  "system.login": async ({ engine, body, reply, signal }: Call) => {
    const { registry, credentials } = parseLoginRequest(body);
    await engine.images.checkCredentials(registry, credentials, { signal });
    reply.json(200, { Status: "Login Succeeded", IdentityToken: "" });
  },
};

async function readForwarding(): Promise<boolean> {
  try {
    return (await readFile("/proc/sys/net/ipv4/ip_forward", "utf8")).trim() === "1";
  } catch {
    // A host without IPv4 forwards none.
    return false;
  }
}
