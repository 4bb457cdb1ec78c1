import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { sleep } from "../../src/base/deadline.ts";
import { kindOf, sentenceOf } from "../../src/base/failure.ts";
import type { Engine } from "../../src/model/engine.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import {
  applyOperation,
  describeModel,
  emptyModel,
  fileNames,
  imageNames,
  loseKeeper,
  type Model,
  modelsAfterCrash,
  names,
  type Operation,
  type Step,
} from "../support/engine-model.ts";
import { expectNothingLeft, killDaemon } from "../support/fault-run.ts";
import { isFullRun } from "../support/full-run.ts";
import { busyboxArchive, tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** TARE_MODEL_SECONDS: how long; TARE_SEED: the same steps again. */
const seconds = Number(process.env["TARE_MODEL_SECONDS"] ?? (isFullRun ? "120" : "12"));
const seed = Number(process.env["TARE_SEED"] ?? Date.now() % 2 ** 31);

const name = fc.constantFrom(...names);
const file = fc.constantFrom(...fileNames);
const image = fc.constantFrom(...imageNames);
const simple = fc.constantFrom(
  ...(["start", "start", "stop", "kill", "restart", "pause", "unpause", "remove", "removeByForce"] as const),
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("create" as const),
      name,
      image: fc.constantFrom("busybox" as const, "busybox" as const, ...imageNames),
      isShort: fc.nat(3).map((number) => number === 0),
    }),
  },
  { weight: 12, arbitrary: fc.record({ kind: simple, name }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("exec" as const, "copy" as const), name, file }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rename" as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("commit" as const), name, image }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("removeImage" as const), image }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("do" as const), operation }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("crash" as const), operation, afterMs: fc.nat(20) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("killDaemon" as const, "stopDaemon" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("killKeeper" as const), name }) },
);

describe.skipIf(!isRoot)("whatever is done, and however often the daemon and keepers are killed", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  async function connected(): Promise<Engine> {
    await tare.must(["version"]); // starts the daemon
    return await connectTo(`unix://${tare.clientSocket}`);
  }

  test(
    "the engine shows what the model says, and nothing is left in the end",
    async () => {
      console.log(`seed ${seed}`);
      let count = 0;
      let last: Promise<void> = Promise.resolve();
      const run = async (steps: readonly Step[]): Promise<void> => {
        count++;
        await new Run(tare, await connected(), connected).all(steps);
      };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
          last = run(steps);
          await last;
        }),
        { seed, numRuns: 10_000, interruptAfterTimeLimit: seconds * 1000, endOnFailure: true },
      );
      // The time limit interrupts the property, but not the sequence that runs then.
      await last;
      console.log(`${count} sequences`);
    },
    (seconds + 60) * 1000,
  );
});

/** One sequence of steps on the installation. */
class Run {
  readonly #tare: Installation;
  readonly #connect: () => Promise<Engine>;
  #engine: Engine;
  #model: Model = emptyModel;

  constructor(tare: Installation, engine: Engine, connect: () => Promise<Engine>) {
    this.#tare = tare;
    this.#engine = engine;
    this.#connect = connect;
  }

  async all(steps: readonly Step[]): Promise<void> {
    let count = 0;
    try {
      for (const each of steps) {
        count++;
        await this.#take(each);
        await this.#expectState([this.#model]);
      }
    } catch (thrown) {
      console.log(
        steps
          .slice(0, count)
          .map((each) => JSON.stringify(each))
          .join("\n"),
      );
      throw thrown;
    } finally {
      await this.#clear();
    }
  }

  async #take(each: Step): Promise<void> {
    switch (each.kind) {
      case "do": {
        const { result, model } = applyOperation(this.#model, each.operation);
        const { kind, sentence } = await resultOf(() => perform(this.#engine, each.operation));
        if (kind !== result)
          throw new Error(`${JSON.stringify(each.operation)}: ${kind} instead of ${result}: ${sentence}`);
        this.#model = model;
        return;
      }
      case "crash": {
        const { operation } = each;
        // Nothing else tells whether a reference that was there before has been committed again.
        const imageId = async (): Promise<string | undefined> =>
          operation.kind === "commit" ? await findImage(this.#engine, operation.image) : undefined;
        const before = await imageId();
        const done = perform(this.#engine, operation).catch(() => undefined);
        await sleep(each.afterMs);
        await this.#replaceDaemon(() => killDaemon(this.#tare));
        await done;
        const models = modelsAfterCrash(this.#model, operation);
        const isCommitted = (await imageId()) !== before;
        const possible =
          operation.kind === "commit" ? models.slice(isCommitted ? 1 : 0, isCommitted ? 2 : 1) : models;
        this.#model = await this.#expectState(possible);
        return;
      }
      case "killDaemon":
        return await this.#replaceDaemon(() => killDaemon(this.#tare));
      case "stopDaemon":
        return await this.#replaceDaemon(() => this.#tare.must(["daemon", "stop"]));
      case "killKeeper":
        return await this.#killKeeper(each.name);
      default:
        each satisfies never;
    }
  }

  async #replaceDaemon(end: () => unknown): Promise<void> {
    await end();
    await this.#engine[Symbol.asyncDispose]();
    this.#engine = await this.#connect();
  }

  async #killKeeper(of: (typeof names)[number]): Promise<void> {
    const model = loseKeeper(this.#model, of);
    if (model === this.#model) return;
    const { state } = await this.#engine.containers.inspect(of);
    const keeper = "pid" in state ? findProcessStatistics(state.pid)?.parentPid : undefined;
    if (keeper === undefined) throw new Error(`${of} has no keeper`);
    expect(readFileSync(join("/proc", String(keeper), "comm"), "utf8")).toStartWith("tare-keeper");
    process.kill(keeper, "SIGKILL");
    this.#model = model;
  }

  /** What ends on its own gets a moment. Gives the model that fits. */
  async #expectState(models: readonly Model[]): Promise<Model> {
    let seen: readonly string[] = [];
    const fitting = await poll(
      async () => {
        seen = await observe(this.#engine);
        return models.find((model) => describeModel(model).join() === seen.join());
      },
      { everyMs: 5, timeoutMs: 5_000, what: "see what the model says" },
    ).catch(() => undefined);
    if (fitting === undefined) expect(models.map(describeModel)).toContainEqual(seen);
    return fitting ?? emptyModel;
  }

  async #clear(): Promise<void> {
    const engine = this.#engine;
    for (const { id } of await engine.containers.list({ all: true })) {
      await engine.containers.remove(id, { force: true });
    }
    for (const { id, references } of await engine.images.list()) {
      if (!references.includes("busybox:latest")) await engine.images.remove(id, { force: true });
    }
    await expectNothingLeft({ tare: this.#tare, engine });
    await engine[Symbol.asyncDispose]();
  }
}

async function resultOf(
  work: () => Promise<void>,
): Promise<{ readonly kind: string; readonly sentence: string }> {
  try {
    await work();
    return { kind: "done", sentence: "" };
  } catch (thrown) {
    return { kind: kindOf(thrown), sentence: sentenceOf(thrown) };
  }
}

async function perform({ containers, images }: Engine, operation: Operation): Promise<void> {
  switch (operation.kind) {
    case "create": {
      const command = operation.isShort ? ["sh", "-c", "exit 7"] : ["sleep", "1000"];
      await containers.create({ image: operation.image, name: operation.name, process: { command } });
      return;
    }
    case "start":
      await containers.start(operation.name);
      return;
    case "stop":
      await containers.stop(operation.name, { graceMs: 0 });
      return;
    case "restart":
      return await containers.restart(operation.name, { graceMs: 0 });
    case "kill":
      return await containers.kill(operation.name);
    case "pause":
      return await containers.pause(operation.name);
    case "unpause":
      return await containers.unpause(operation.name);
    case "remove":
      return await containers.remove(operation.name);
    case "removeByForce":
      return await containers.remove(operation.name, { force: true });
    case "exec": {
      const command = ["touch", `/${operation.file}`];
      const exec = await containers.createExec(operation.name, { command });
      await containers.startExec(exec, { detach: true });
      expect((await containers.waitExec(exec)).code).toBe(0);
      return;
    }
    case "copy": {
      const archive = (async function* () {
        yield tarOf([[operation.file, ""]]);
      })();
      return await containers.copyInto(operation.name, "/", { archive });
    }
    case "rename":
      return await containers.rename(operation.name, operation.to);
    case "commit":
      await containers.commit(operation.name, { reference: operation.image });
      return;
    case "removeImage":
      await images.remove(operation.image);
      return;
    default:
      operation satisfies never;
  }
}

async function findImage({ images }: Engine, name: string): Promise<string | undefined> {
  const found = (await images.list()).find(({ references }) => references.includes(`${name}:latest`));
  return found?.id;
}

async function observe({ containers, images }: Engine): Promise<readonly string[]> {
  const stored = (await images.list()).flatMap(({ references }) => references);
  const all = await containers.list({ all: true });
  const lines = all.map(async ({ id, name }) => {
    const { state } = await containers.inspect(id);
    const files = await Promise.all(
      fileNames.map((each) =>
        containers.statPath(id, `/${each}`).then(
          () => [each],
          () => [],
        ),
      ),
    );
    return `${name} ${"code" in state ? `exited ${state.code}` : state.status} [${files.flat().join(" ")}]`;
  });
  const named = imageNames.filter((name) => stored.includes(`${name}:latest`));
  return [...(await Promise.all(lines)), ...named].sort();
}
