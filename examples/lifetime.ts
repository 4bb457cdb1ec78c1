import { resolve } from "node:path";
import { openEngine } from "tare";

// A container that ends with this program, whatever ends it: also kill -9.
const root = resolve("tare-example");
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
const command = ["sleep", "1000"];
await using container = await engine.run("busybox", {
  process: { command },
  lifecycle: { lifetime: "process", autoRemove: true },
});
const { state } = await container.inspect();
console.log(state.status === "running" ? `running as process ${state.pid}` : state.status);
await container.wait();
