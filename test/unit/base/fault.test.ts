import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { faultPoints } from "../../../src/base/fault.ts";
import { driverChangePoints } from "../../support/fault-driver-change.ts";
import { pullPoints } from "../../support/fault-pull.ts";
import {
  commandOperations,
  containerOperations,
  imageOperations,
  recoveryOperations,
} from "../../support/fault-operations.ts";
import { copyPoints, migrationPoints, repairPoints } from "../../support/fault-records.ts";
import { btrfsOperations, erofsOperations, vfsOperations } from "../../support/fault-storage.ts";
import { isolatedOperations } from "../../support/fault-isolation.ts";
import { networkOperations } from "../../support/fault-networks.ts";
import { podOperations } from "../../support/fault-pods.ts";
import { secretOperations } from "../../support/fault-secrets.ts";
import { volumeOperations } from "../../support/fault-volumes.ts";
import { crashPoints } from "../../suites/storage-driver-crashes.ts";
import { pushPoints } from "../../support/fault-push.ts";

const source = join(import.meta.dir, "../../../src");

test("faultPoints names each place in the sources, and each is there once", () => {
  const found = (readdirSync(source, { recursive: true }) as string[])
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => [...readFileSync(join(source, path), "utf8").matchAll(/\bfault\("([^"]*)"\)/g)])
    .map(([, name]) => name as string);
  expect(found.toSorted()).toEqual([...faultPoints].toSorted());
});

test("faultPoints are all come by in some operation of the tests", () => {
  const operations = [
    ...Object.values(containerOperations),
    ...Object.values(commandOperations),
    ...Object.values(recoveryOperations),
    ...Object.values(imageOperations),
    ...Object.values(vfsOperations),
    ...Object.values(erofsOperations),
    ...Object.values(btrfsOperations),
    ...Object.values(volumeOperations),
    ...Object.values(podOperations),
    ...Object.values(secretOperations),
    ...Object.values(isolatedOperations),
    ...Object.values(networkOperations),
  ];
  const tested = new Set<string>([
    ...operations.flatMap(({ points }) => Object.keys(points)),
    ...pullPoints,
    ...driverChangePoints,
    ...crashPoints,
    ...pushPoints,
    ...copyPoints,
    ...migrationPoints,
    ...repairPoints,
  ]);
  expect(faultPoints.filter((point) => !tested.has(point))).toEqual([]);
});

test.each([
  ["", "alive"],
  ["create.recorded", "alive"],
  ["create.intended", "SIGKILL"],
  ["create.intended:2", "SIGKILL"],
  ["create.intended:3", "alive"],
])("fault() with TARE_FAULT=%p: %s", (wanted, end) => {
  const program = `
    const { fault } = await import(${JSON.stringify(join(source, "base/fault.ts"))});
    fault("create.intended"); fault("create.intended"); console.log("alive");`;
  const { stdout, signalCode } = Bun.spawnSync([process.execPath, "-e", program], {
    env: { ...process.env, TARE_FAULT: wanted },
  });
  expect(signalCode ?? stdout.toString().trim()).toBe(end);
});
