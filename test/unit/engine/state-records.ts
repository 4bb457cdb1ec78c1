import type { ContainerRecord, ImageRecord } from "../../../src/engine/state/records.ts";
import type { EngineEvent } from "../../../src/model/engine.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import { noDefaults } from "../../../src/spec/image/config.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

const config = {
  platform: { os: "linux", architecture: "amd64" },
  defaults: noDefaults,
  diffIds: [],
  history: [],
} as const;

export function imageOf(number: number): ImageRecord {
  const id = digestOf(`image ${number}`);
  return { id, config, storedAt: number, layerBytes: [], blobs: [], digests: [] };
}

export function recordOf(number: number, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id: asId<ContainerId>(number.toString(16).padStart(64, "0")),
    name: `name-${number}`,
    createdAt: number,
    spec: { image: "x", received: { config: { a: [1] }, hostConfig: null }, process: { env: ["A=1"] } },
    image: "x",
    imageId: imageOf(1).id,
    imageConfig: config,
    layers: [],
    state: { status: "created" },
    bootId: "boot",
    restartCount: 0,
    starts: [],
    ...changes,
  };
}

export function eventOf(number: number): EngineEvent {
  return {
    type: "container",
    action: "create",
    actor: { id: String(number), attributes: { name: `name-${number}` } },
    timeNs: 1_795_000_000_123_456_789n + BigInt(number),
  };
}
