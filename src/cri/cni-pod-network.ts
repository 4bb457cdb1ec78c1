import type { CriEngine, CriObject } from "../engine/cri-engine.ts";
import type { CriSandboxSettings } from "../model/cri.ts";
import type { CniNetworks, CniPod } from "./cni/cni-networks.ts";
import { runtimeConfigOf } from "./cni/runtime-config.ts";
import {
  BridgePodNetwork,
  type PodNetwork,
  type PodNetworkRequest,
  type PodNetworkStatus,
} from "./pod-network.ts";

/** Pods in the host's CNI network; without a CNI configuration in the engine's own bridge. */
export class CniPodNetwork implements PodNetwork {
  readonly #cri: CriEngine;
  readonly #cni: CniNetworks;
  readonly #bridge: BridgePodNetwork;

  constructor(cri: CriEngine, cni: CniNetworks) {
    this.#cri = cri;
    this.#cni = cni;
    this.#bridge = new BridgePodNetwork(cri);
  }

  async chooseNetwork(): Promise<"bridge" | "none"> {
    return (await this.#isConfigured()) ? "none" : "bridge";
  }

  async status(): Promise<PodNetworkStatus> {
    if (!(await this.#isConfigured())) return await this.#bridge.status();
    const fault = await this.#cni.findFault();
    return fault === undefined
      ? { isReady: true, reason: "", message: "" }
      : { isReady: false, reason: "NetworkPluginNotReady", message: fault };
  }

  async attach({ sandbox, namespacePath, ports, signal }: PodNetworkRequest): Promise<void> {
    if (!isConnectedByCni(sandbox) || namespacePath === undefined) return;
    await this.#cni.attach(podOf(sandbox, { namespacePath, ports }), signal);
  }

  async detach({ sandbox: { id }, namespacePath }: PodNetworkRequest): Promise<void> {
    await this.#cni.detach({ id, namespacePath });
  }

  async check({ sandbox, namespacePath }: PodNetworkRequest): Promise<void> {
    if (!isConnectedByCni(sandbox) || namespacePath === undefined) return;
    await this.#cni.check({ id: sandbox.id, namespacePath });
  }

  async addresses(sandbox: CriObject<CriSandboxSettings>): Promise<readonly string[]> {
    return isConnectedByCni(sandbox)
      ? this.#cni.addresses(sandbox.id)
      : await this.#bridge.addresses(sandbox);
  }

  /** Whether a sandbox that runs was attached; one whose attachment another daemon did not complete was not. */
  isAttached(sandbox: CriObject<CriSandboxSettings>): boolean {
    return !isConnectedByCni(sandbox) || this.#cni.isAttached(sandbox.id);
  }

  async recover(): Promise<void> {
    const live = new Set<string>(this.#cri.sandboxes().map(({ id }) => id));
    await this.#cni.collectGarbage((id) => live.has(id));
  }

  /** A file that cannot be used counts: the engine's bridge must not stand in for a network that was configured. */
  async #isConfigured(): Promise<boolean> {
    const { config, faults } = await this.#cni.find();
    return config !== undefined || faults.length > 0;
  }
}

function isConnectedByCni({ spec, settings }: CriObject<CriSandboxSettings>): boolean {
  return settings.namespaces.network === "pod" && spec.isolation?.namespaces?.network === "none";
}

function podOf(
  { id, spec, settings }: CriObject<CriSandboxSettings>,
  { namespacePath, ports }: { readonly namespacePath: string; readonly ports: PodNetworkRequest["ports"] },
): CniPod {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = spec.network ?? {};
  const runtimeConfig = runtimeConfigOf({
    ports,
    annotations: spec.annotations ?? {},
    dns: { servers: dns, searches: dnsSearch, options: dnsOptions },
  });
  const { namespace, name, uid } = settings;
  return { id, namespacePath, namespace, name, uid, runtimeConfig };
}
