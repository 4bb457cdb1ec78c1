import { resolve } from "node:path";
import { openEngine } from "tare";

// A container that ends with this program, whatever ends it: also kill -9.
const root = resolve("tare-example");
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
const { id } = await engine.containers.create({
  image: "busybox",
  command: ["sleep", "1000"],
  lifetime: "process",
  autoRemove: true,
});
await engine.containers.start(id);
const { state } = await engine.containers.inspect(id);
console.log(state.status === "running" ? `running as process ${state.pid}` : state.status);
await engine.containers.wait(id);
