import { openEngine } from "tare";

const root = `${process.cwd()}/tare-example`; // an engine of its own; without roots it is the machine's
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
console.log("loaded", ...(await engine.load("busybox.tar")));
await using clock = await engine.run("busybox", {
  process: { command: ["sh", "-c", "while date; do sleep 1; done"] },
});
console.log(`started in ${clock.timing.totalMs.toFixed(1)} ms`);
for await (const { bytes } of clock.logs({ follow: true })) {
  console.log("says", Buffer.from(bytes).toString().trim());
  break;
}
console.log((await clock.exec(["sort"], { input: "pears\napples\n" })).stdout);
