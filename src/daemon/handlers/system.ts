import { readFile } from "node:fs/promises";
import { shapeContainerSummary, shapeImage, shapeInfo } from "../../api/shape.ts";
import type { Call, Handlers } from "../handler.ts";
import { containerSummaryOf } from "../map/container-summary.ts";
import { imageSummaryOf } from "../map/image.ts";
import { infoOf, versionOf } from "../map/info.ts";

const pingHeaders = {
  // 1: the classic builder's routes are asked, whose answer is a sentence.
  "Builder-Version": "1",
  Swarm: "inactive",
  "Cache-Control": "no-cache, no-store, must-revalidate",
  Pragma: "no-cache",
};

export const handlers: Handlers = {
  "system.ping": async ({ reply }: Call) => {
    reply.text(200, "OK", pingHeaders);
  },

  "system.version": async ({ engine, facts, reply }: Call) => {
    reply.json(200, versionOf(await engine.info(), facts));
  },

  "system.info": async ({ engine, facts, version, reply }: Call) => {
    const [info, forwardsIpv4] = await Promise.all([engine.info(), readForwarding()]);
    reply.json(200, shapeInfo(infoOf(info, facts, { forwardsIpv4 }), version));
  },

  "system.diskUsage": async ({ engine, version, query, reply }: Call) => {
    const types = query.texts("type");
    const wants = (type: string): boolean => types.length === 0 || types.includes(type);
    const images = wants("image") ? await engine.images.list() : [];
    const containers = wants("container") ? await engine.containers.list({ all: true }) : [];
    const now = Date.now();
    reply.json(200, {
      LayersSize: images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      Images: images.map((image) => shapeImage(imageSummaryOf(image), version)),
      Containers: containers.map((item) => shapeContainerSummary(containerSummaryOf(item, now), version)),
      Volumes: [],
      BuildCache: [],
    });
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
