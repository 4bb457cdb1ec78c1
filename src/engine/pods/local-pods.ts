import { fault } from "../../base/fault.ts";
import { Failure, isAlreadyRunning, kindOf, sentenceOf } from "../../base/failure.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { eventTimeNs } from "../describe-event.ts";
import { createContainer } from "../containers/lifecycle/create.ts";
import { pauseContainer, unpauseContainer } from "../containers/lifecycle/pause.ts";
import { startContainer } from "../containers/lifecycle/start.ts";
import {
  killContainer,
  removeContainer,
  stopContainer,
  type StopOptions,
} from "../containers/lifecycle/stop.ts";
import { waitContainer } from "../containers/lifecycle/wait.ts";
import { infraImage } from "../images/embedded-image.ts";
import { parseContainerName, randomContainerName } from "../resolve/container-name.ts";
import { refusePod, resolveInfra, resolveShare } from "../resolve/pod-infra.ts";
import type { PodDetails, Pods, PodSpec } from "../../model/pods.ts";
import type { ContainerRecord } from "../state/records.ts";
import { describePod, podFilter } from "./describe-pod.ts";
import { findPodByName, getPod, membersOf, podsOf, type PodRecord } from "../find-pod.ts";
import { podInRealm, type Realm, realmOf } from "../realm.ts";
import type { PodId, PodReference } from "../../model/ids.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** The pods of one data root. The records of their containers are the only source of truth. */
export class LocalPods implements Pods {
  readonly #context: ContainerContext;
  readonly #reserved = new Set<string>();

  readonly #realm: Realm;

  /** Pods of another realm are not found. */
  constructor(context: ContainerContext, { realm = "engine" }: { readonly realm?: Realm | undefined } = {}) {
    this.#context = context;
    this.#realm = realm;
  }

  async create(spec: PodSpec = {}): Promise<{ readonly id: PodId; readonly warnings: readonly string[] }> {
    if (realmOf({ spec }) !== this.#realm) throw refusePod("only the CRI creates pods of the CRI");
    const name = this.#chooseName(spec.name);
    this.#reserved.add(name);
    try {
      const infra = resolveInfra(spec, { name, image: infraImage });
      const pod = { name, share: resolveShare(spec.share) };
      const made = await createContainer(this.#context, infra, { pod });
      this.#record("create", this.#get(made.id));
      return made;
    } finally {
      this.#reserved.delete(name);
    }
  }

  async list({
    filters = {},
  }: {
    readonly filters?: Filters | undefined;
  } = {}): Promise<readonly PodDetails[]> {
    const isMeant = podFilter(filters);
    const realm = filters["realm"]?.includes("cri") === true ? "cri" : this.#realm;
    return podsOf(this.#context.state)
      .filter((record) => realmOf(record) === realm)
      .toReversed()
      .map((record) => this.#describe(record))
      .filter(isMeant);
  }

  async inspect(reference: PodReference): Promise<PodDetails> {
    return this.#describe(this.#get(reference));
  }

  async start(reference: PodReference): Promise<void> {
    const pod = this.#get(reference);
    const live = this.#members(pod).filter(isRunning);
    if (!isRunning(pod) && live.length > 0) {
      throw new Failure(
        "conflict",
        `cannot start pod "${pod.pod.name}": its infra container has ended, and ${namesOf(live)} would stay in the old namespaces: restart the pod instead`,
      );
    }
    await this.#startIdle(pod.id);
    fault("pod.infra-started");
    const idle = this.#members(pod).filter((member) => !isRunning(member));
    const isFirst = ({ spec }: ContainerRecord): boolean => spec.lifecycle?.initContainer !== undefined;
    const others = idle.filter((member) => !isFirst(member));
    for (const member of idle.filter(isFirst)) await this.#runToEnd(pod, member);
    await this.#each(others, { pod, verb: "start", inTurn: true }, ({ id }) => this.#startIdle(id));
    this.#record("start", pod);
  }

  async stop(reference: PodReference, options: StopOptions = {}): Promise<void> {
    const pod = this.#get(reference);
    const stop = async ({ id }: ContainerRecord): Promise<void> =>
      void (await stopContainer(this.#context, id, options));
    await this.#each(this.#members(pod), { pod, verb: "stop" }, stop);
    fault("pod.members-stopped");
    await stop(pod);
    this.#record("stop", pod);
  }

  async restart(reference: PodReference, options: StopOptions = {}): Promise<void> {
    const { id } = this.#get(reference);
    await this.stop(id, options);
    await this.start(id);
  }

  async kill(reference: PodReference, options: { readonly signal?: string | undefined } = {}): Promise<void> {
    const pod = this.#get(reference);
    const live = this.#all(pod).filter(isRunning);
    requireSome(live, { pod, verb: "kill", state: "running" });
    await this.#each(live, { pod, verb: "kill" }, ({ id }) => killContainer(this.#context, id, options));
    this.#record("kill", pod);
  }

  async pause(reference: PodReference): Promise<void> {
    const pod = this.#get(reference);
    const live = this.#all(pod).filter(({ state }) => state.status === "running");
    requireSome(live, { pod, verb: "pause", state: "running" });
    await this.#each(live, { pod, verb: "pause" }, ({ id }) => pauseContainer(this.#context, id));
    this.#record("pause", pod);
  }

  async unpause(reference: PodReference): Promise<void> {
    const pod = this.#get(reference);
    const frozen = [pod, ...this.#members(pod)].filter(({ state }) => state.status === "paused");
    requireSome(frozen, { pod, verb: "unpause", state: "paused" });
    await this.#each(frozen, { pod, verb: "unpause" }, ({ id }) => unpauseContainer(this.#context, id));
    this.#record("unpause", pod);
  }

  async remove(
    reference: PodReference,
    { force = false }: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const pod = this.#get(reference);
    const live = this.#members(pod).filter(isRunning);
    if (live.length > 0 && !force) {
      throw new Failure(
        "conflict",
        `cannot remove pod "${pod.pod.name}": ${namesOf(live)} ${live.length === 1 ? "runs" : "run"}: stop the pod before, or remove it by force`,
        { details: { pod: pod.pod.name } },
      );
    }
    await this.#each(this.#members(pod), { pod, verb: "remove" }, async ({ id }) => {
      await removeContainer(this.#context, id, { force, volumes: true });
      fault("pod.member-removed");
    });
    await removeContainer(this.#context, pod.id, { force: true, volumes: true, withPod: true });
    this.#record("remove", pod);
  }

  async prune({ filters = {} }: { readonly filters?: Filters | undefined } = {}): Promise<{
    readonly removed: readonly PodId[];
  }> {
    const ended = (await this.list({ filters })).filter(({ state }) => ["exited", "stopped"].includes(state));
    const removed: PodId[] = [];
    for (const { id } of ended) {
      try {
        await this.remove(id);
        removed.push(id);
      } catch (thrown) {
        // Another caller has started or removed it meanwhile.
        if (!["conflict", "not-found"].includes(kindOf(thrown))) throw thrown;
      }
    }
    return { removed };
  }

  /** Records an event of the pod as a whole; its containers have events of their own. */
  #record(action: string, { id, pod, spec }: PodRecord): void {
    if (this.#realm === "cri") return; // the events of its containers are enough
    const attributes = { ...spec.labels, name: pod.name };
    const event = { type: "pod", action, actor: { id, attributes }, timeNs: eventTimeNs() } as const;
    this.#context.state.events.record(event);
  }

  #get(reference: PodReference): PodRecord {
    return getPod(this.#context.state, podInRealm(this.#context.state, reference, this.#realm));
  }

  #members({ id }: PodRecord): readonly ContainerRecord[] {
    return membersOf(this.#context.state, id);
  }

  /** The container that holds the namespaces comes last. */
  #all(pod: PodRecord): readonly ContainerRecord[] {
    return [...this.#members(pod), pod];
  }

  #describe(record: PodRecord): PodDetails {
    return describePod(this.#context.state, this.#context.host, record);
  }

  async #startIdle(id: string): Promise<void> {
    const record = this.#context.state.findContainer(id);
    if (record === undefined || isRunning(record)) return;
    await startContainer(this.#context, id).catch((thrown: unknown) => {
      // Another caller was faster.
      if (!isAlreadyRunning(thrown)) throw thrown;
    });
  }

  /** An init container: the others start only after it has succeeded. */
  async #runToEnd({ pod }: PodRecord, { id, name, spec }: ContainerRecord): Promise<void> {
    await this.#startIdle(id);
    const { code } = await waitContainer(this.#context, id);
    if (code !== 0) {
      throw new Failure(
        "conflict",
        `cannot start pod "${pod.name}": its init container "${name}" ended with status ${code}: see tare logs ${name}`,
        { details: { pod: pod.name } },
      );
    }
    if (spec.lifecycle?.initContainer === "once") await removeContainer(this.#context, id, { volumes: true });
  }

  /**
   * The same for each, at once or in turn; a failure is thrown when all had theirs. One that has gone meanwhile is
   * fine.
   */
  async #each(
    records: readonly ContainerRecord[],
    {
      pod,
      verb,
      inTurn = false,
    }: { readonly pod: PodRecord; readonly verb: string; readonly inTurn?: boolean | undefined },
    work: (record: ContainerRecord) => Promise<unknown>,
  ): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (record: ContainerRecord): Promise<void> => {
      await work(record).catch((thrown: unknown) => {
        if (this.#context.state.findContainer(record.id) !== undefined) failures.push(thrown);
      });
    };
    if (inTurn) for (const record of records) await attempt(record);
    else await Promise.all(records.map(attempt));
    const [first] = failures;
    if (first === undefined) return;
    throw new Failure(
      kindOf(first),
      `cannot ${verb} all of pod "${pod.pod.name}": ${failures.map(sentenceOf).join("; ")}`,
      { cause: first, details: { pod: pod.pod.name } },
    );
  }

  #chooseName(wanted: string | undefined): string {
    const isTaken = (name: string): boolean =>
      this.#reserved.has(name) || findPodByName(this.#context.state, name) !== undefined;
    if (wanted === undefined || wanted === "") return randomContainerName(isTaken);
    const name = parsePodName(wanted);
    if (!isTaken(name)) return name;
    throw new Failure("conflict", `cannot name a pod "${name}": the name is in use by another pod`, {
      details: { pod: name },
    });
  }
}

function parsePodName(text: string): string {
  try {
    return parseContainerName(text);
  } catch {
    throw new Failure(
      "invalid",
      `cannot name a pod ${JSON.stringify(text.slice(0, 100))}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two and at most 255`,
    );
  }
}

function namesOf(records: readonly ContainerRecord[]): string {
  return `container ${records.map(({ name }) => `"${name}"`).join(", ")}`;
}

function requireSome(
  found: readonly ContainerRecord[],
  { pod, verb, state }: { readonly pod: PodRecord; readonly verb: string; readonly state: string },
): void {
  if (found.length > 0) return;
  throw new Failure("conflict", `cannot ${verb} pod "${pod.pod.name}": no container of it is ${state}`, {
    details: { pod: pod.pod.name },
  });
}
