import { expect, test } from "bun:test";
import { retimeTar } from "../../../src/build/exporters/retime-tar.ts";
import { TarReader } from "../../../src/spec/tar.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../../src/spec/tar-writer.ts";

const content = Buffer.from("x".repeat(700));

/** In pieces that end anywhere. */
async function* archive(): AsyncGenerator<Uint8Array> {
  const time = (seconds: number) => ({ seconds, nanoseconds: 5 });
  const whole = Buffer.concat([
    encodeTarMember({ path: "old", type: "file", size: content.length, mode: 0o644, mtime: time(10) }),
    content,
    new Uint8Array(tarPadding(content.length)),
    encodeTarMember({ path: "new/", type: "directory", mode: 0o755, mtime: time(5000) }),
    encodeTarMember({ path: "link", type: "symlink", linkName: "old", mtime: time(1000) }),
    encodeTarEnd(),
  ]);
  for (let at = 0; at < whole.length; at += 333) yield whole.subarray(at, at + 333);
}

async function read(mode: "clamp" | "set"): Promise<unknown[]> {
  const reader = new TarReader();
  const found: unknown[] = [];
  for await (const piece of retimeTar(archive(), { epochMs: 1_000_000, mode })) {
    for (const event of reader.push(piece)) {
      if (event.kind === "entry") found.push([event.entry.path, event.entry.mtime]);
      else if (event.kind === "data") found.push(event.bytes.length);
    }
  }
  reader.end();
  return found.filter((each) => typeof each !== "number");
}

const epoch = { seconds: 1000, nanoseconds: 0 };

test("retimeTar() clamps what is later, to the nanosecond", async () => {
  expect(await read("clamp")).toEqual([
    ["old", { seconds: 10, nanoseconds: 5 }],
    ["new/", epoch],
    ["link", epoch],
  ]);
});

test("retimeTar() sets all times", async () => {
  expect(await read("set")).toEqual([
    ["old", epoch],
    ["new/", epoch],
    ["link", epoch],
  ]);
});
