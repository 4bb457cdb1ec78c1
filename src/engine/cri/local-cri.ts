import { closeSync } from "node:fs";
import type { Duplex } from "node:stream";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { openLogFile } from "../../logs/open-log-file.ts";
import type { ExitStatus } from "../../model/container-state.ts";
import type { Containers } from "../../model/containers.ts";
import type { CriEngine, CriObject, CriUser } from "../cri-engine.ts";
import type { CriContainerSettings, CriSandboxSettings, CriSettings } from "../../model/cri.ts";
import type { EngineEvent } from "../../model/engine.ts";
import type { ContainerId, PodId } from "../../model/ids.ts";
import type { EndpointDetails } from "../../model/networks.ts";
import type { Pods } from "../../model/pods.ts";
import { parseDigest } from "../../spec/digest.ts";
import { findUser } from "../containers/files/accounts.ts";
import { LocalContainers } from "../containers/local-containers.ts";
import type { ContainerContext } from "../context.ts";
import { describeEndpoints } from "../networks/describe-network.ts";
import { planRecord } from "../plan-record.ts";
import { LocalPods } from "../pods/local-pods.ts";
import type { ContainerRecord, ImageRecord } from "../state/records.ts";

const shortestPrefix = 4;
const LOG_SETTLE_MS = 1000;

/** What kubelets have created in one data root. */
export class LocalCri implements CriEngine {
  readonly containers: Containers;
  readonly pods: Pods;
  readonly #context: ContainerContext;

  constructor(context: ContainerContext) {
    this.#context = context;
    this.containers = new LocalContainers(context, { realm: "cri" });
    this.pods = new LocalPods(context, { realm: "cri" });
  }

  sandboxes(): readonly CriObject<CriSandboxSettings>[] {
    return this.#all().filter(isSandbox);
  }

  list(): readonly CriObject<CriContainerSettings>[] {
    return this.#all().filter(isContainer);
  }

  findSandbox(id: string): CriObject<CriSandboxSettings> | undefined {
    const found = this.#find(id, isSandbox);
    return found !== undefined && isSandbox(found) ? found : undefined;
  }

  findContainer(id: string): CriObject<CriContainerSettings> | undefined {
    const found = this.#find(id, isContainer);
    return found !== undefined && isContainer(found) ? found : undefined;
  }

  endpointsOf(id: PodId): readonly EndpointDetails[] {
    const record = this.#context.state.findContainer(id);
    return record === undefined ? [] : describeEndpoints(this.#context, record);
  }

  imageReferenceOf(imageId: string): string {
    return this.#findImage(imageId)?.digests[0] ?? imageId;
  }

  imageUserOf(imageId: string): string {
    return this.#findImage(imageId)?.config.defaults.user ?? "";
  }

  findUser(id: ContainerId): CriUser | undefined {
    const record = this.#context.state.findContainer(id);
    const kept = this.#context.live.get(id)?.kept;
    if (record === undefined || kept === undefined) return undefined;
    try {
      using root = kept.openRoot();
      const { uid, gid, additionalGids } = findUser(root.fd, {
        user: planRecord(this.#context, record).user,
        groups: record.spec.process?.groupAdd ?? [],
        spec: record.spec,
        host: this.#context.dependencies.host,
      });
      return { uid, gid, additionalGids };
    } catch {
      return undefined; // it has just ended, or its program has removed the accounts
    }
  }

  findPid(id: ContainerId): number | undefined {
    return this.#context.live.get(id)?.kept.pid;
  }

  async *events({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<EngineEvent, void> {
    for await (const event of this.#context.state.events.watch({ signal }))
      if (event.type === "cri-container") yield event;
  }

  async killExec(id: string): Promise<ExitStatus> {
    const session = this.#context.execs.get(id);
    session.kept?.killGroup();
    return await session.ended;
  }

  async connect(
    id: PodId,
    port: number,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Duplex> {
    const pid = this.findPid(id);
    if (pid === undefined)
      throw new Failure("conflict", `cannot connect to pod sandbox "${id}": it does not run`);
    const { connectToPod } = await import("./connect-to-pod.ts");
    return await connectToPod(pid, port, options);
  }

  createLog(id: ContainerId): void {
    const path = this.findContainer(id)?.settings.logFile ?? "";
    if (path === "") return;
    try {
      closeSync(openLogFile(path));
    } catch (cause) {
      throw new Failure("invalid", `cannot create the log of container "${id}": ${sentenceOf(cause)}`, {
        cause,
      });
    }
  }

  reopenLog(id: ContainerId): void {
    if (!this.#context.live.has(id))
      throw new Failure("conflict", `cannot reopen the log of container "${id}": it does not run`);
    // The forwarder sees that its file is not at the path any more.
    this.createLog(id);
  }

  async settleLog(id: ContainerId): Promise<void> {
    await this.#context.logForwarding.settle(id, { withinMs: LOG_SETTLE_MS });
  }

  #findImage(imageId: string): ImageRecord | undefined {
    return this.#context.state.findImage(imageId === "" ? "" : parseDigest(imageId));
  }

  #all(): readonly CriObject[] {
    return this.#context.state.containers().flatMap((record) => objectOf(record) ?? []);
  }

  #find(id: string, isMeant: (object: CriObject) => boolean): CriObject | undefined {
    const exact = this.#context.state.findContainer(id);
    if (exact !== undefined) return objectOf(exact);
    if (id.length < shortestPrefix || !/^[0-9a-f]{1,64}$/.test(id)) return undefined;
    const found = this.#all().filter((object) => object.id.startsWith(id) && isMeant(object));
    return found.length === 1 ? found[0] : undefined;
  }
}

function objectOf({ id, createdAt, state, imageId, spec }: ContainerRecord): CriObject | undefined {
  return spec.cri === undefined
    ? undefined
    : { id, createdAt, state, imageId, spec, settings: spec.cri satisfies CriSettings };
}

function isSandbox(object: CriObject): object is CriObject<CriSandboxSettings> {
  return object.settings.kind === "sandbox";
}

function isContainer(object: CriObject): object is CriObject<CriContainerSettings> {
  return object.settings.kind === "container";
}
