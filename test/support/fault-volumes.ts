/** Operations on volumes, and what has to be found when the engine has died in them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { FaultOperation, FaultContext } from "./fault-run.ts";

async function isThere({ engine, name }: FaultContext): Promise<string> {
  return (await engine.volumes.list()).some((volume) => volume.name === name) ? "there" : "absent";
}

/** How many volumes there are in all. */
async function count({ engine }: FaultContext): Promise<string> {
  return String((await engine.volumes.list()).length);
}

/** Of a volume that gets the two files of the image's /etc, and mount points of three files of the engine's. */
async function filling({ tare, name }: FaultContext): Promise<string> {
  const path = join(tare.dataRoot, "volumes", name, "_data");
  if (!existsSync(path)) return "absent";
  const entries = readdirSync(path).filter((name) => !["hosts", "hostname", "resolv.conf"].includes(name));
  return entries.length === 0 ? "empty" : entries.length === 2 ? "whole" : "in part";
}

export const volumeOperations: Readonly<Record<string, FaultOperation>> = {
  "volume create": {
    args: (name) => ["volume", "create", name],
    outcome: isThere,
    points: { "volume.drafted": "absent", "volume.named": "there", "volume.recorded": "there" },
    again: async ({ engine, name }) => {
      await engine.volumes.create({ name });
      await engine.volumes.remove(name);
    },
  },
  "volume rm": {
    prepare: async ({ engine, name }) => void (await engine.volumes.create({ name })),
    args: (name) => ["volume", "rm", name],
    outcome: isThere,
    points: { "volume.forgotten": "absent", "volume.discarded": "absent" },
    again: async ({ engine, name }) => {
      await engine.volumes.create({ name });
      await engine.volumes.remove(name);
    },
  },
  "create with a volume that is filled": {
    args: (name) => ["create", "--name", name, "-v", `${name}:/etc`, "busybox"],
    outcome: filling,
    points: {
      "volume.recorded": "empty",
      "volume.copied": "empty",
      "volume.ready": "whole",
      "volume.moved": "whole",
      "create.directory": "whole",
    },
    again: async (context) => {
      const { engine, name } = context;
      const mounts = [{ kind: "volume", name, target: "/etc" }] as const;
      await engine.containers.create({ image: "busybox", name, storage: { mounts } });
      if ((await filling(context)) !== "whole") throw new Error("the volume is not whole");
      await engine.containers.remove(name);
      await engine.volumes.remove(name);
    },
  },
  "create with an anonymous volume": {
    args: (name) => ["create", "--name", name, "-v", "/x", "busybox"],
    outcome: count,
    points: {
      "create.intended": "0",
      "volume.named": "0",
      "volume.recorded": "0",
      "create.snapshot": "0",
      "create.recorded": "1",
    },
    again: async ({ engine, name }, outcome) => {
      if (outcome === "0")
        await engine.containers.create({ image: "busybox", name, storage: { volumes: ["/x"] } });
      await engine.containers.remove(name, { volumes: true });
      if ((await engine.volumes.list()).length > 0) throw new Error("a volume is left");
    },
  },
  "rm with anonymous volumes": {
    prepare: async ({ engine, name }) =>
      void (await engine.containers.create({ image: "busybox", name, storage: { volumes: ["/x", "/y"] } })),
    args: (name) => ["rm", "-v", name],
    outcome: count,
    points: { "remove.recorded": "0", "volume.forgotten": "0", "volume.discarded": "0", "sweep.run": "0" },
    again: async () => {},
  },
};
