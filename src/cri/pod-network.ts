import type { CriEngine, CriObject } from "../engine/cri-engine.ts";
import type { CriSandboxSettings } from "../model/cri.ts";
import type { PortSpec } from "../model/networks.ts";

/** Whether pods get a network, for Status. */
export interface PodNetworkStatus {
  readonly isReady: boolean;
  /** A word: `CNIConfigMissing`. */
  readonly reason: string;
  readonly message: string;
}

/** A sandbox whose network namespace exists. */
export interface PodNetworkRequest {
  readonly sandbox: CriObject<CriSandboxSettings>;
  /** `/proc/PID/ns/net`; absent when the namespace is gone. */
  readonly namespacePath: string | undefined;
  readonly ports: readonly PortSpec[];
  readonly signal?: AbortSignal | undefined;
}

/** Connects sandboxes that have a network namespace of their own. */
export interface PodNetwork {
  /** The engine's network that the next sandbox is created in; "none": attach() connects it. */
  chooseNetwork(): Promise<"bridge" | "none">;
  status(): Promise<PodNetworkStatus>;
  /** After the namespaces exist and before the first container. A failure leaves nothing attached. */
  attach(request: PodNetworkRequest): Promise<void>;
  /** Before the namespaces go. Idempotent; succeeds for a sandbox that was never attached. */
  detach(request: PodNetworkRequest): Promise<void>;
  /** Throws when the sandbox's network is not as attach() left it. */
  check(request: PodNetworkRequest): Promise<void>;
  /** Addresses of the sandbox, the main one first. */
  addresses(sandbox: CriObject<CriSandboxSettings>): Promise<readonly string[]>;
  /** False for a sandbox whose attachment was begun and not completed. */
  isAttached(sandbox: CriObject<CriSandboxSettings>): boolean;
  /** Removes what sandboxes that are gone have left, after the start of a daemon. */
  recover(): Promise<void>;
}

/** The engine's default bridge, for trials on one machine: pods of other machines are not reached. */
export class BridgePodNetwork implements PodNetwork {
  readonly #cri: CriEngine;

  constructor(cri: CriEngine) {
    this.#cri = cri;
  }

  async chooseNetwork(): Promise<"bridge"> {
    return "bridge";
  }

  isAttached(): boolean {
    return true;
  }

  /** The engine itself does it. */
  async recover(): Promise<void> {}

  async status(): Promise<PodNetworkStatus> {
    return {
      isReady: true,
      reason: "EngineBridge",
      message:
        "no CNI configuration is used: pods are in the engine's own bridge, which ends at this machine",
    };
  }

  /** The start of the sandbox has done it. */
  async attach(): Promise<void> {}

  /** The end of the sandbox does it. */
  async detach(): Promise<void> {}

  async check(): Promise<void> {}

  async addresses({ id }: CriObject<CriSandboxSettings>): Promise<readonly string[]> {
    return this.#cri
      .endpointsOf(id)
      .flatMap(({ joined }) => [joined?.ipv4?.address, joined?.ipv6?.address])
      .filter((address) => address !== undefined);
  }
}
