/** An update of one field of a container leaves all others as they are. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Engine } from "../../src/model/engine.ts";
import type { ContainerSpec } from "../../src/model/container-spec.ts";
import type { ContainerId } from "../../src/model/ids.ts";
import type { ContainerUpdate } from "../../src/model/updates.ts";
import { EngineRoots } from "../support/engine.ts";

const mebibyte = 2 ** 20;

/** Every field of an update, with a value that the container does not have. */
const changes = {
  memoryBytes: 48 * mebibyte,
  memorySwapBytes: 96 * mebibyte,
  memoryReservationBytes: 24 * mebibyte,
  cpuShares: 300,
  cpuPeriodUs: 50_000,
  cpuQuotaUs: 20_000,
  cpusetCpus: "0",
  cpusetMems: "0",
  pidsLimit: 40,
  restartPolicy: { name: "on-failure", maximumRetries: 5 },
  publishAdd: [{ protocol: "tcp", containerPort: 81, count: 1, hostAddress: "127.0.0.1", hostPort: 18_682 }],
} as const satisfies ContainerUpdate;

const spec: ContainerSpec = {
  image: "busybox",
  labels: { app: "shop" },
  process: { command: ["sleep", "1000"], env: ["A=1"], user: "1:1", workingDirectory: "/tmp" },
  isolation: { noNewPrivileges: true, capabilities: { drop: ["chown"] } },
  resources: {
    limits: {
      memoryBytes: 32 * mebibyte,
      memorySwapBytes: 64 * mebibyte,
      memoryReservationBytes: 16 * mebibyte,
      cpuShares: 200,
      cpuPeriodUs: 100_000,
      cpuQuotaUs: 50_000,
      cpusetCpus: "0-1",
      pidsLimit: 50,
    },
    rlimits: [{ name: "nofile", soft: 512, hard: 512 }],
    oomScoreAdj: 100,
  },
  storage: { readOnlyRoot: true, mounts: [{ kind: "tmpfs", target: "/scratch" }], log: { fileBytes: 1000 } },
  network: {
    hostname: "web",
    dns: ["10.9.9.9"],
    ports: [{ protocol: "tcp", containerPort: 80, count: 1, hostAddress: "127.0.0.1", hostPort: 18_681 }],
  },
  lifecycle: { restartPolicy: { name: "always" }, stopSignal: "INT", stopGraceMs: 100 },
};

/** The specification after the change, as it should be. */
function changed(before: ContainerSpec, field: keyof typeof changes): ContainerSpec {
  if (field === "restartPolicy")
    return { ...before, lifecycle: { ...before.lifecycle, restartPolicy: changes.restartPolicy } };
  if (field === "publishAdd") {
    const ports = [...(before.network?.ports ?? []), ...changes.publishAdd];
    return { ...before, network: { ...before.network, ports } };
  }
  const limits = { ...before.resources?.limits, [field]: changes[field] };
  return { ...before, resources: { ...before.resources, limits } };
}

let roots: EngineRoots;
let engine: Engine;

beforeAll(async () => {
  roots = new EngineRoots("update-fields");
  engine = await roots.openWithBusybox();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await roots[Symbol.asyncDispose]();
});

async function specOf(id: ContainerId): Promise<ContainerSpec> {
  return (await engine.containers.inspect(id)).spec;
}

for (const state of ["created", "running"] as const) {
  test.each(Object.keys(changes) as (keyof typeof changes)[])(
    `an update of %s alone changes nothing else of a ${state} container`,
    async (field) => {
      const { id } = await engine.containers.create(spec);
      if (state === "running") await engine.containers.start(id);
      const before = await specOf(id);
      // Fields that are there but undefined say nothing, as absent ones.
      const others = Object.fromEntries(Object.keys(changes).map((name) => [name, undefined]));
      await engine.containers.update(id, { ...others, [field]: changes[field] });
      expect(await specOf(id)).toEqual(changed(before, field));
      await engine.containers.remove(id, { force: true });
    },
  );
}
