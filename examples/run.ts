import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { openEngine } from "tare";

const root = resolve("tare-example"); // an engine of its own; without roots it is the machine's
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
for await (const step of engine.images.load(createReadStream("busybox.tar"))) {
  if (step.kind === "loaded") console.log(`loaded ${step.reference}`);
}
const command = ["sh", "-c", "while true; do date; sleep 1; done"];
const { id } = await engine.containers.create({ image: "busybox", command });
const { totalMs } = await engine.containers.start(id);
for await (const { bytes } of engine.containers.logs(id, { follow: true })) {
  console.log(`started in ${totalMs.toFixed(1)} ms and said: ${Buffer.from(bytes).toString().trim()}`);
  break;
}
await engine.containers.stop(id, { graceMs: 100 });
await engine.containers.remove(id);
