import { afterAll, beforeAll, expect, test } from "bun:test";
import { request } from "node:http";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const contentBytes = 150 * 1024 * 1024;

let tare: Installation;
beforeAll(async () => {
  if (!isRoot) return;
  tare = new Installation();
  await tare.must(["load", "-i", busyboxArchive()]);
  // Random bytes: nobody is quick with them for a reason that other content does not have.
  const write = `head -c ${contentBytes} /dev/urandom > /content`;
  await tare.must(["run", "--name", "full", "busybox", "sh", "-c", write], { timeoutMs: 120_000 });
}, 150_000);
afterAll(async () => await tare?.[Symbol.asyncDispose]());

/** How many lists of containers are answered, one after the other, until the work is done. */
async function countListsDuring(work: Promise<unknown>): Promise<number> {
  const state = { isDone: false };
  const end = work.finally(() => (state.isDone = true));
  let answered = 0;
  while (!state.isDone) {
    await new Promise<void>((resolve, reject) => {
      request({ socketPath: tare.socket, path: "/containers/json" }, (reply) => {
        reply.resume().on("end", resolve);
      })
        .on("error", reject)
        .end();
    });
    answered++;
    await Bun.sleep(2);
  }
  await end;
  return answered;
}

/** A daemon that is busy with it all the time answers one or two: those asked before it began and after it ended. */
const fewest = 5;

test.skipIf(!isRoot)(
  "the daemon answers while it commits and imports a large layer",
  async () => {
    const options = { timeoutMs: 120_000 };
    const duringCommit = await countListsDuring(tare.must(["commit", "full", "committed"], options));
    expect(duringCommit).toBeGreaterThanOrEqual(fewest);
    expect(await tare.must(["run", "--rm", "committed", "wc", "-c", "/content"])).toBe(
      `${contentBytes} /content`,
    );
    const archive = join(tare.directory, "full.tar");
    await tare.must(["export", "-o", archive, "full"], options);
    const duringImport = await countListsDuring(tare.must(["import", archive, "imported"], options));
    expect(duringImport).toBeGreaterThanOrEqual(fewest);
    expect(await tare.must(["run", "--rm", "imported", "wc", "-c", "/content"])).toBe(
      `${contentBytes} /content`,
    );
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check", "--verify"], options)).toContain("in order");
  },
  500_000,
);
