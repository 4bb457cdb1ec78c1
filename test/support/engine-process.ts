/** An engine in a process of its own, to be killed: `bun engine-process.ts DATA RUN COUNT SCRIPT`. Prints the ids. */
import { logUncaughtExceptions } from "../../src/base/log.ts";
import { openEngine } from "../../src/library/open-engine.ts";

// Its test sees a status where it expects a process that lives.
logUncaughtExceptions(() => process.exit(70));
const [dataRoot = "", runRoot = "", count = "1", script = "", lifetime = "engine"] = process.argv.slice(2);
const engine = await openEngine({ dataRoot, runRoot });
const ids = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const { id } = await engine.containers.create({
      image: "busybox",
      process: { command: ["sh", "-c", script] },
      lifecycle: { lifetime: lifetime === "process" ? "process" : "engine" },
    });
    await engine.containers.start(id);
    return id;
  }),
);
console.log(JSON.stringify(ids));
setInterval(() => {}, 1000);
