/** A program that a test kills: takes a storage driver through its steps. `DATA_ROOT DRIVER STEP …`. */
import { readFileSync } from "node:fs";
import { digestOf } from "../../src/spec/digest.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { inChunks } from "./tar-builder.ts";

const [dataRoot = "", driver = "", step = "", file = ""] = process.argv.slice(2);
const storage = await openStorage(dataRoot, { driver });
const tar = file === "" ? new Uint8Array() : readFileSync(file);

async function apply(bytes: Uint8Array): Promise<void> {
  await using draft = await storage.beginLayer();
  await draft.apply(inChunks(bytes));
  await draft.commit(digestOf(bytes));
}

switch (step) {
  case "layer":
    await apply(tar);
    break;
  case "snapshot":
    await storage.createSnapshot("s", [digestOf(tar)]);
    break;
  case "view":
    (await storage.viewLayers([digestOf(tar)]))[Symbol.dispose]();
    break;
  case "remove-snapshot":
    await storage.removeSnapshot("s");
    break;
  case "remove-layer":
    await storage.removeLayer(digestOf(tar));
    break;
  case "all": // until it is killed
    for (let count = 0; ; count++) {
      await apply(tar);
      await storage.createSnapshot(`s${count % 3}`, [digestOf(tar)]);
      (await storage.mountSnapshot(`s${count % 3}`))[Symbol.dispose]();
      for (const id of await storage.listSnapshots()) await storage.removeSnapshot(id);
      await storage.removeLayer(digestOf(tar));
    }
  default:
    throw new Error(`no step "${step}"`);
}
await storage[Symbol.asyncDispose]();
