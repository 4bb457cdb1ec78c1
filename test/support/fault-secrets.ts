/** Operations on secrets, and what has to be found when the engine has died in them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FaultOperation, FaultContext } from "./fault-run.ts";

/** The value that the name has, and how many values lie in the store. */
async function isThere({ tare, engine, name }: FaultContext): Promise<string> {
  const isNamed = (await engine.secrets.list()).some((secret) => secret.name === name);
  const value = isNamed ? Buffer.from(await engine.secrets.read(name)).toString() : "absent";
  return `${value}, ${readdirSync(join(tare.dataRoot, "secrets")).length} kept`;
}

async function again({ engine, name }: FaultContext): Promise<void> {
  await engine.secrets.create({ name, value: Buffer.from("again"), replace: true });
  await engine.secrets.remove(name);
}

export const secretOperations: Readonly<Record<string, FaultOperation>> = {
  "secret create": {
    args: (name) => ["secret", "create", name, "-"],
    input: () => Buffer.from("new"),
    outcome: isThere,
    points: {
      "secret.drafted": "absent, 0 kept",
      "secret.kept": "absent, 0 kept",
      "secret.recorded": "new, 1 kept",
    },
    again,
  },
  "secret create --replace": {
    prepare: async ({ engine, name }) =>
      void (await engine.secrets.create({ name, value: Buffer.from("old") })),
    args: (name) => ["secret", "create", "--replace", name, "-"],
    input: () => Buffer.from("new"),
    outcome: isThere,
    points: {
      "secret.drafted": "old, 1 kept",
      "secret.kept": "old, 1 kept",
      "secret.recorded": "new, 1 kept",
    },
    again,
  },
  "secret rm": {
    prepare: async ({ engine, name }) =>
      void (await engine.secrets.create({ name, value: Buffer.from("old") })),
    args: (name) => ["secret", "rm", name],
    outcome: isThere,
    points: { "secret.forgotten": "absent, 0 kept" },
    again,
  },
};
