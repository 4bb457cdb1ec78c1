import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { openEngine } from "tare";

// Feeds a program in a container and reads what it makes of it, with an image that was loaded before.
const root = resolve("tare-example");
await using engine = await openEngine({ dataRoot: `${root}/data`, runRoot: `${root}/run` });
const { id } = await engine.containers.create({
  image: "busybox",
  process: { command: ["sort"], terminal: false, openStdin: true, stdinOnce: true },
  resources: { limits: { memoryBytes: 64 * 1024 * 1024, pidsLimit: 16 } },
});
// Attached before the start: no byte is missed.
const { duplex } = await engine.containers.attach(id, { stdin: true, stdout: true, stream: true });
await engine.containers.start(id);
duplex.end("pears\napples\nplums\n");
process.stdout.write(await text(Readable.from(withoutFrames(duplex))));
const { code } = await engine.containers.wait(id);
console.log(`ended with ${code}`);
await engine.containers.remove(id);

/** Without a terminal the stream comes in Docker's frames: 8 bytes of which the last four are the length. */
async function* withoutFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
      const end = 8 + rest.readUInt32BE(4);
      yield rest.subarray(8, end);
      rest = rest.subarray(end);
    }
  }
}
