import { resolveShare } from "../../../src/engine/resolve/pod-infra.ts";
import { Failure } from "../../../src/base/failure.ts";
import type { PodDetails, Pods, PodSpec, PodState } from "../../../src/model/pods.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

/** Pods in memory, of nothing but their infra containers. */
export class FakePods implements Pods {
  readonly known: Map<string, PodDetails> = new Map();

  async create(spec: PodSpec = {}): ReturnType<Pods["create"]> {
    const name = spec.name ?? "quiet_pod";
    const id = (this.known.size + 1).toString(16).padStart(64, "e");
    this.known.set(name, {
      id: asId<ContainerId>(id),
      name,
      createdAt: 5,
      state: "created",
      labels: spec.labels ?? {},
      share: resolveShare(spec.share),
      hostname: spec.hostname ?? name,
      infraId: asId<ContainerId>(id),
      containers: [{ id: asId<ContainerId>(id), name: `${id.slice(0, 12)}-infra`, state: "created" }],
      networks:
        spec.network === undefined
          ? ["bridge"]
          : [typeof spec.network === "string" ? spec.network : "container"],
      ports: spec.ports ?? [],
      extraHosts: spec.extraHosts ?? [],
      dns: spec.dns ?? [],
      dnsSearch: spec.dnsSearch ?? [],
      dnsOptions: spec.dnsOptions ?? [],
      limits: spec.limits ?? {},
    });
    return { id: asId<ContainerId>(id), warnings: [] };
  }

  async list(): Promise<readonly PodDetails[]> {
    return [...this.known.values()];
  }

  async inspect(reference: string): Promise<PodDetails> {
    const found = this.known.get(reference);
    if (found === undefined) throw new Failure("not-found", `cannot find pod "${reference}"`);
    return found;
  }

  start(reference: string): Promise<void> {
    return this.#turn(reference, "running");
  }

  stop(reference: string): Promise<void> {
    return this.#turn(reference, "exited");
  }

  restart(reference: string): Promise<void> {
    return this.#turn(reference, "running");
  }

  kill(reference: string): Promise<void> {
    return this.#turn(reference, "exited");
  }

  pause(reference: string): Promise<void> {
    return this.#turn(reference, "paused");
  }

  unpause(reference: string): Promise<void> {
    return this.#turn(reference, "running");
  }

  async remove(reference: string): Promise<void> {
    this.known.delete((await this.inspect(reference)).name);
  }

  async prune(): ReturnType<Pods["prune"]> {
    const ended = [...this.known.values()].filter(({ state }) => state === "exited");
    for (const { name } of ended) this.known.delete(name);
    return { removed: ended.map(({ id }) => id) };
  }

  async #turn(reference: string, state: PodState): Promise<void> {
    const pod = await this.inspect(reference);
    this.known.set(pod.name, { ...pod, state });
  }
}
