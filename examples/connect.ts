import { connectEngine } from "tare";

// The engine of a daemon that runs (at TARE_HOST, or the machine's): the same words as in-process.
await using engine = await connectEngine();
await using container = await engine.run("hello");
process.stdout.write(await container.stdout());
const { code } = await container.wait();
console.log(`ended with ${code}`);
