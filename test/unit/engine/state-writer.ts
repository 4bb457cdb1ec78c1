/** Writes to a state as fast as it can until it is killed: `bun state-writer.ts DATA`. Tells each finished step. */
import { writeSync } from "node:fs";
import { openState } from "../../../src/engine/state/state.ts";
import { eventOf, imageOf, recordOf } from "./state-records.ts";

const state = openState(process.argv[2] ?? "");
const image = imageOf(1);
state.putImages([image], [["docker.io/library/x:latest", image.id]]);
for (let number = state.containers().length; ; number++) {
  const record = recordOf(number);
  const intent = state.beginIntent({ kind: "create", containerId: record.id });
  state.putContainer(record, { ends: intent, events: [eventOf(number)] });
  writeSync(1, `+${number}\n`);
  if (number % 3 === 2) {
    const removal = state.removeContainer(recordOf(number - 1).id);
    writeSync(1, `-${number - 1}\n`);
    if (number % 2 === 0) state.endIntent(removal);
  }
}
