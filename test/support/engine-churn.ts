/**
 * Makes, starts, stops and removes containers until it is killed: `bun engine-churn.ts DATA RUN`. Prints a line when it
 * begins.
 */
import { kindOf } from "../../src/base/failure.ts";
import { openEngine } from "../../src/library/open-engine.ts";

const [dataRoot = "", runRoot = ""] = process.argv.slice(2);
const engine = await openEngine({ dataRoot, runRoot });
console.log("begun");
const work = async (lane: number): Promise<void> => {
  for (let round = 0; ; round++) {
    const { id } = await engine.containers.create({
      image: "busybox",
      name: `lane-${lane}-${round}-${process.pid}`,
      process: { command: ["sh", "-c", round % 2 === 0 ? "true" : "sleep 1000"] },
      lifecycle: { autoRemove: round % 3 === 0 },
    });
    await engine.containers.start(id);
    if (round % 4 === 3) continue;
    await engine.containers.remove(id, { force: true }).catch((thrown: unknown) => {
      if (kindOf(thrown) !== "not-found") throw thrown; // it removed itself first
    });
  }
};
await Promise.all([0, 1, 2].map(work));
