import { Failure, sentenceOf } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { log } from "../../base/log.ts";
import { AttachmentFiles, type AttachmentRecord } from "./attachment-files.ts";
import {
  addressesOf,
  isAtLeast,
  type NetworkConfig,
  pluginInput,
  type RuntimeConfig,
} from "./network-config.ts";
import { findNetwork } from "./network-files.ts";
import { findPlugin, type PluginCommand, runPlugin } from "./run-plugin.ts";

/** A pod that is to be attached. */
export interface CniPod {
  readonly id: string;
  readonly namespacePath: string;
  /** Of Kubernetes. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** By capability: `portMappings`, `bandwidth`, `dns`. */
  readonly runtimeConfig: RuntimeConfig;
}

export interface CniOptions {
  /** Where the networks' files are: `/etc/cni/net.d`. */
  readonly configDirectory: string;
  readonly binaryDirectories: readonly string[];
  /** Of the engine's own. */
  readonly stateDirectory: string;
}

const interfaceName = "eth0";
/** Chains of plugins at a time. */
const mostAtOnce = 16;

/** Attaches pods to the host's CNI network by its plugins. SPEC: CNI 1.1.0. */
export class CniNetworks {
  readonly #options: CniOptions;
  readonly #files: AttachmentFiles;
  readonly #locks = new KeyedLock();

  constructor(options: CniOptions) {
    this.#options = options;
    this.#files = new AttachmentFiles(options.stateDirectory);
  }

  /** The network that new pods get; absent: no file of the directory can be used. */
  async find(): Promise<{ readonly config?: NetworkConfig | undefined; readonly faults: readonly string[] }> {
    return await findNetwork(this.#options.configDirectory);
  }

  /** Undefined, or why no pod can be attached now. */
  async findFault(): Promise<string | undefined> {
    const { config, faults } = await this.find();
    if (config === undefined) {
      return faults[0] ?? `no network configuration is in ${this.#options.configDirectory}`;
    }
    try {
      await this.#findPlugins(config);
      if (!isAtLeast(config.cniVersion, "1.1.0")) return undefined;
      for (const plugin of config.plugins)
        await this.#run(plugin.type, "STATUS", { input: pluginInput(config, plugin) });
      return undefined;
    } catch (thrown) {
      return sentenceOf(thrown);
    }
  }

  /** Gives the pod's addresses. A failure leaves nothing attached, as far as the plugins can undo it. */
  async attach(pod: CniPod, signal?: AbortSignal): Promise<readonly string[]> {
    using _ = await this.#locks.acquire(bucketOf(pod.id), { signal });
    const { config, faults } = await this.find();
    if (config === undefined) {
      const why = faults[0] ?? `no network configuration is in ${this.#options.configDirectory}`;
      throw new Failure("unavailable", `cannot attach the pod to a network: ${why}`);
    }
    // Before anything is recorded: what cannot be run cannot be undone.
    await this.#findPlugins(config);
    const record: AttachmentRecord = {
      config,
      interfaceName,
      args: argsOf(pod),
      runtimeConfig: pod.runtimeConfig,
    };
    this.#files.write(pod.id, record);
    try {
      let prevResult: unknown;
      for (const plugin of config.plugins) {
        const input = pluginInput(config, plugin, { runtimeConfig: record.runtimeConfig, prevResult });
        prevResult = parseResult(
          await this.#runFor(pod, record, plugin.type, "ADD", input, signal),
          plugin.type,
        );
      }
      this.#files.write(pod.id, { ...record, result: prevResult ?? {} });
      return addressesOf(prevResult);
    } catch (thrown) {
      await this.#undo(pod, record).catch((second: unknown) => log("warning", sentenceOf(second)));
      throw thrown;
    }
  }

  /** Fine for a pod that is not attached. `namespacePath`: absent when it is gone. */
  async detach(pod: { readonly id: string; readonly namespacePath?: string | undefined }): Promise<void> {
    using _ = await this.#locks.acquire(bucketOf(pod.id));
    const record = this.#files.find(pod.id);
    if (record !== undefined) await this.#undo(pod, record);
  }

  /** Throws what a plugin finds wrong. Nothing is checked where the network wants none. */
  async check(pod: Pick<CniPod, "id" | "namespacePath">): Promise<void> {
    using _ = await this.#locks.acquire(bucketOf(pod.id));
    const record = this.#files.find(pod.id);
    if (record?.result === undefined) {
      throw new Failure("unavailable", `cannot check the network of pod ${pod.id}: it is not attached`);
    }
    const { config, runtimeConfig, result: prevResult } = record;
    if (config.disablesCheck || !isAtLeast(config.cniVersion, "0.4.0")) return;
    for (const plugin of config.plugins) {
      const input = pluginInput(config, plugin, { runtimeConfig, prevResult });
      await this.#runFor(pod, record, plugin.type, "CHECK", input);
    }
  }

  /** Whether attach() has succeeded for the pod. */
  isAttached(podId: string): boolean {
    return this.#files.find(podId)?.result !== undefined;
  }

  /** Of a pod that is attached; else none. */
  addresses(podId: string): readonly string[] {
    return addressesOf(this.#files.find(podId)?.result);
  }

  /** Detaches pods that are there no more, and lets plugins free what no pod has. */
  async collectGarbage(isLive: (podId: string) => boolean): Promise<void> {
    const known = this.#files.podIds();
    for (const id of known) if (!isLive(id)) await this.detach({ id });
    const { config } = await this.find();
    if (config === undefined || config.disablesGarbageCollection || !isAtLeast(config.cniVersion, "1.1.0"))
      return;
    const validAttachments = known
      .filter(isLive)
      .map((containerID) => ({ containerID, ifname: interfaceName }));
    for (const plugin of config.plugins)
      await this.#run(plugin.type, "GC", { input: pluginInput(config, plugin, { validAttachments }) });
  }

  /** SPEC: CNI 1.1.0: in the other order, and each plugin though another has failed. */
  async #undo(
    pod: { readonly id: string; readonly namespacePath?: string | undefined },
    record: AttachmentRecord,
  ): Promise<void> {
    const { config, runtimeConfig, result } = record;
    const prevResult = isAtLeast(config.cniVersion, "0.4.0") ? result : undefined;
    const failures: unknown[] = [];
    for (const plugin of config.plugins.toReversed()) {
      const input = pluginInput(config, plugin, { runtimeConfig, prevResult });
      try {
        await this.#runFor(pod, record, plugin.type, "DEL", input);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
    this.#files.remove(pod.id);
  }

  async #findPlugins({ plugins }: NetworkConfig): Promise<void> {
    for (const { type } of plugins) await findPlugin(type, this.#options.binaryDirectories);
  }

  async #runFor(
    pod: { readonly id: string; readonly namespacePath?: string | undefined },
    record: AttachmentRecord,
    type: string,
    command: PluginCommand,
    input: string,
    signal?: AbortSignal,
  ): Promise<string> {
    const attachment = {
      containerId: pod.id,
      interfaceName: record.interfaceName,
      namespacePath: pod.namespacePath,
      args: record.args,
    };
    return await this.#run(type, command, { input, attachment, signal });
  }

  async #run(
    type: string,
    command: PluginCommand,
    options: Omit<Parameters<typeof runPlugin>[2], "binaryDirectories">,
  ): Promise<string> {
    const { binaryDirectories } = this.#options;
    return await runPlugin(type, command, { ...options, binaryDirectories });
  }
}

/** One lock for each of a few groups of pods: a pod's commands follow each other, and few run at a time. */
function bucketOf(podId: string): string {
  return String(Number.parseInt(podId.slice(0, 8), 16) % mostAtOnce);
}

/** SPEC: as all runtimes of Kubernetes pass them. */
function argsOf({ id, namespace, name, uid }: CniPod): string {
  const args = {
    IgnoreUnknown: "1",
    K8S_POD_NAMESPACE: namespace,
    K8S_POD_NAME: name,
    K8S_POD_INFRA_CONTAINER_ID: id,
    K8S_POD_UID: uid,
  };
  for (const [key, value] of Object.entries(args)) {
    // SAFETY: one value must not become several.
    if (/[;=\0]/.test(value))
      throw new Failure("invalid", `cannot attach the pod: its ${key} contains ";" or "="`);
  }
  return Object.entries(args)
    .map(([key, value]) => `${key}=${value}`)
    .join(";");
}

function parseResult(output: string, type: string): unknown {
  try {
    const value: unknown = JSON.parse(output);
    return value;
  } catch {
    throw new Failure(
      "unavailable",
      `cannot use what the network plugin "${type}" has answered: it is no JSON`,
    );
  }
}
