import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openSync, readlinkSync } from "node:fs";
import { Failure } from "../../../../src/base/failure.ts";
import type { Engine } from "../../../../src/model/engine.ts";
import { startEngine } from "../../../../src/engine/local-engine.ts";
import type { ContainerSpec } from "../../../../src/model/container-spec.ts";
import { OwnedFd } from "../../../../src/linux/kernel/fd.ts";
import { Scratch } from "../../../support/scratch.ts";
import { FakeWorld } from "../fake-dependencies.ts";

let scratch: Scratch;
let world: FakeWorld;
let engine: Engine;
let fd: number;
let taken: number;

beforeEach(async () => {
  scratch = new Scratch("engine-unit");
  world = new FakeWorld(scratch.path);
  engine = await startEngine(await world.parts());
  fd = openSync(scratch.path, "r");
  taken = 0;
  const prewarmed = new OwnedFd(fd);
  world.takeNetwork = () => (taken++ === 0 ? prewarmed : undefined);
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

const isOpen = (): boolean => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === scratch.path;
  } catch {
    return false;
  }
};

async function begin(spec: Partial<ContainerSpec> = {}): Promise<{ id: string; starting: Promise<unknown> }> {
  const { id } = await engine.containers.create({ image: "hello", ...spec });
  const starting = engine.containers.start(id);
  starting.catch(() => {});
  return { id, starting };
}

describe("a start with a prewarmed network namespace", () => {
  test("has its interfaces on their way before it goes to the runtime, and closes the namespace behind it", async () => {
    const { starting } = await begin();
    await starting;
    const [request] = world.starts;
    expect(() => request?.prewarmedNetwork?.netns).toThrow("a closed descriptor was used");
    expect(request?.attachNetwork).toBeUndefined();
    expect(world.networks.endpoints.size).toBe(1);
    expect(isOpen()).toBe(false);
  });

  test("that fails waits for what it has begun, and takes it back", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    world.networks.attachGate = promise;
    world.startFailure = new Failure("invalid", "cannot start it");
    const { id, starting } = await begin();
    await expect(Promise.race([starting, Bun.sleep(50)])).resolves.toBeUndefined();
    expect(world.starts).toHaveLength(1);
    // The kernel may look at its number still.
    expect(isOpen()).toBe(true);
    resolve();
    await expect(starting).rejects.toThrow("cannot start it");
    await engine.settle();
    expect(isOpen()).toBe(false);
    expect(world.networks.calls.slice(-2)).toEqual(["attach", "detach"]);
    expect(world.networks.endpoints.size).toBe(0);
    expect((await engine.containers.inspect(id)).state.status).toBe("exited");
    const first = await begin();
    await first.starting;
    expect(world.networks.endpoints.size).toBe(1);
  });

  test("fails for its interfaces only where nothing else is wrong", async () => {
    world.networks.failures.set("attach", new Failure("exhausted", "cannot add an interface"));
    world.startFailure = new Failure("invalid", "cannot start it");
    const { id, starting } = await begin();
    await expect(starting).rejects.toThrow("cannot start it");
    expect(world.networks.endpoints.size).toBe(0);
    const again = new OwnedFd(openSync(scratch.path, "r"));
    world.takeNetwork = () => again;
    world.networks.failures.set("attach", new Failure("exhausted", "cannot add an interface"));
    await expect(engine.containers.start(id)).rejects.toThrow("cannot add an interface");
    expect(() => again.fd).toThrow("a closed descriptor was used");
  });

  test("is for a container without networks, too, which waits for no interfaces", async () => {
    const { starting } = await begin({ isolation: { namespaces: { network: "none" } } });
    await starting;
    expect(taken).toBe(1);
    expect(world.starts[0]?.prewarmedNetwork).toBeDefined();
    expect(world.starts[0]?.prewarmedNetwork?.attached).toBeUndefined();
    expect(world.networks.endpoints.size).toBe(0);
    expect(isOpen()).toBe(false);
  });

  test.each<[string, Partial<ContainerSpec>]>([
    ["the host's network", { isolation: { namespaces: { network: "host" } } }],
    ["kernel parameters of interfaces", { isolation: { sysctls: { "net.ipv4.conf.all.forwarding": "1" } } }],
  ])("is as any other with %s", async (_, spec) => {
    const { starting } = await begin(spec);
    await starting;
    expect(taken).toBe(0);
    expect(world.starts[0]?.prewarmedNetwork).toBeUndefined();
  });
});
