import { resolve } from "node:path";
import { openEngine } from "tare";

const root = resolve("tare-example"); // an engine of its own; without roots it is the machine's
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
console.log("loaded", ...(await engine.load("busybox.tar")));
const command = ["sh", "-c", "while true; do date; sleep 1; done"];
await using clock = await engine.run("busybox", { command, limits: { memoryBytes: 64 * 1024 * 1024 } });
console.log(`started in ${clock.timing.totalMs.toFixed(1)} ms`);
for await (const { bytes } of clock.logs({ follow: true })) {
  console.log("says", Buffer.from(bytes).toString().trim());
  break;
}
console.log((await clock.exec(["sort"], { input: "pears\napples\n" })).stdout);
await clock.stop({ graceMs: 100 }); // the end of the scope removes it
