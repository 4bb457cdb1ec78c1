/** As fault-operations.ts, of the storage drivers that take another way than overlay. */
import { expect } from "bun:test";
import {
  commandOperations,
  containerOperations,
  imageOperations,
  load,
  neverStarted,
  removeImage,
} from "./fault-operations.ts";
import { type FaultOperation, stateOf } from "./fault-run.ts";

/** Of the driver vfs, where things take another way than with overlay. */
export const vfsOperations: Readonly<Record<string, FaultOperation>> = {
  create: {
    ...(containerOperations["create"] as FaultOperation),
    points: { "snapshot.copied": "absent", "snapshot.drafted": "absent", "create.snapshot": "absent" },
  },
  diff: {
    prepare: async (context) => {
      await load(context);
      await context.engine.containers.create({
        image: context.name,
        name: context.name,
        process: { command: ["x"] },
      });
    },
    args: (name) => ["diff", name],
    outcome: stateOf,
    points: { "view.merged": "created" },
    again: async (context) => {
      expect(await context.engine.containers.changes(context.name)).toEqual([]);
      await context.engine.containers.remove(context.name);
      await removeImage(context);
    },
  },
  commit: {
    ...(imageOperations["commit"] as FaultOperation),
    points: { "commit.packed": "absent, running", "image.recorded": "2 layers, running" },
  },
  "removal of an image": {
    ...(imageOperations["removal of an image"] as FaultOperation),
    points: { "image.forgotten": "absent", "trash.renamed": "absent", "garbage.layer": "absent" },
  },
};

/** Of the driver erofs, whose layers are written otherwise. */
export const erofsOperations: Readonly<Record<string, FaultOperation>> = {
  create: {
    ...(containerOperations["create"] as FaultOperation),
    points: { "snapshot.drafted": "absent", "create.snapshot": "absent", "create.recorded": "created" },
  },
  start: {
    ...(containerOperations["start"] as FaultOperation),
    points: {
      "start.mounted": neverStarted,
      "launch.born": [neverStarted, "running"],
      "start.launched": "running",
    },
  },
  load: {
    ...(imageOperations["load"] as FaultOperation),
    points: {
      "layer.synced": "absent",
      "layer.named": "absent",
      "images.stored": "absent",
      "image.recorded": "2 layers",
    },
  },
  commit: {
    ...(imageOperations["commit"] as FaultOperation),
    points: {
      "commit.packed": "absent, running",
      "layer.synced": "absent, running",
      "layer.named": "absent, running",
      "image.recorded": "2 layers, running",
    },
  },
  "removal of an image": {
    ...(imageOperations["removal of an image"] as FaultOperation),
    points: { "image.forgotten": "absent", "trash.renamed": "absent", "garbage.layer": "absent" },
  },
};

/** Of the driver btrfs, whose snapshots are subvolumes. */
export const btrfsOperations: Readonly<Record<string, FaultOperation>> = {
  create: vfsOperations["create"] as FaultOperation,
  // The layers become one subvolume at the first container, not at the first diff.
  "creation of the first container": {
    prepare: load,
    args: (name) => ["create", "--name", name, name, "x"],
    outcome: stateOf,
    points: { "view.merged": "absent" },
    again: async (context) => {
      const { engine, name } = context;
      await engine.containers.create({ image: name, name, process: { command: ["x"] } });
      expect(await engine.containers.changes(name)).toEqual([]);
      await engine.containers.remove(name);
      await removeImage(context);
    },
  },
  commit: vfsOperations["commit"] as FaultOperation,
  "removal of an image": vfsOperations["removal of an image"] as FaultOperation,
  start: erofsOperations["start"] as FaultOperation,
  load: erofsOperations["load"] as FaultOperation,
  remove: {
    ...(commandOperations["remove"] as FaultOperation),
    points: { "remove.recorded": "absent", "trash.renamed": "absent", "sweep.snapshot": "absent" },
  },
};
