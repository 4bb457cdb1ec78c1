import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerState, StartTiming } from "../../model/container-state.ts";
import type { ContainerHealth } from "../../model/health.ts";
import type { ContainerId, NetworkId, SecretId, VolumeName } from "../../model/ids.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import type { ManifestListEntry } from "../../model/manifests.ts";
import type { EndpointSettings, SubnetSpec } from "../../model/networks.ts";
import type { PodNamespace } from "../../model/pods.ts";
import type { WallMs } from "../../model/time.ts";
import type { EndpointPlan, NetworkPlan } from "../../network/types.ts";
import type { ImageConfig } from "../../spec/image/config.ts";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { Digest } from "../../spec/digest.ts";
import type { IdMaps } from "../../spec/id-map.ts";

/** The record of a container. Frozen; a change is a new record. */
export interface ContainerRecord {
  readonly id: ContainerId;
  readonly name: string;
  readonly createdAt: WallMs;
  readonly spec: ContainerSpec;
  /** As the caller named it. */
  readonly image: string;
  /** Empty: unknown, after a repair. */
  readonly imageId: Digest | "";
  readonly imageConfig: ImageConfig;
  readonly layers: readonly Digest[];
  /** The ID maps of its user namespace, while that exists; no other container receives these IDs. */
  readonly idMaps?: IdMaps | undefined;
  readonly state: ContainerState;
  /** Since its first start, if it has a health check. */
  readonly health?: ContainerHealth | undefined;
  /** Field 22 of /proc/PID/stat of the first process, as text; with the pid it is one process for good. */
  readonly startTime?: string | undefined;
  /** Of the boot that the state is true in. */
  readonly bootId: string;
  /** Restarts by its policy since it was started by hand. */
  readonly restartCount: number;
  /** Before the last of those. */
  readonly restartDelayMs?: number | undefined;
  /** The last end was asked for. */
  readonly stoppedByHand?: boolean | undefined;
  /** When the last runs began, oldest first. */
  readonly starts: readonly WallMs[];
  readonly lastTiming?: StartTiming | undefined;
  /** The networks that it is in, the one of its mode first; none for `none`, `host` and another container's. */
  readonly endpoints?: readonly EndpointRecord[] | undefined;
  /**
   * Set for the container that holds the namespaces of a pod. The pod's id is this container's id; this record and the
   * records with `spec.pod` describe the pod.
   */
  readonly pod?: PodSettings | undefined;
  /** A step of a build: no list shows it, it emits no events, and it ends with its engine. */
  readonly isBuildStep?: true | undefined;
}

/** The pod's settings that the container with its namespaces does not record. */
export interface PodSettings {
  /** Of one pod only. */
  readonly name: string;
  readonly share: readonly PodNamespace[];
}

/** A container's end in a network, which may be gone while the container does not run. */
export interface EndpointRecord {
  /** "": there was no such network when the container was created; a start finds it, see findAtStart(). */
  readonly networkId: NetworkId | "";
  readonly networkName: string;
  readonly settings: EndpointSettings;
  /** While the container runs: with this plan, no other container receives its addresses and ports. */
  readonly plan?: EndpointPlan | undefined;
}

export interface NetworkRecord {
  readonly id: NetworkId;
  readonly name: string;
  readonly createdAt: WallMs;
  readonly driver: string;
  readonly attachable: boolean;
  /** Not a network, but settings for some. */
  readonly configOnly: boolean;
  /** The name of the network that its settings are from, or "". */
  readonly configFrom: string;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    /** Of `configOnly`: as they were asked for. */
    readonly subnets: readonly SubnetSpec[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  /** Absent with `configOnly`. */
  readonly plan?: NetworkPlan | undefined;
}

export interface ImageRecord {
  readonly id: Digest;
  readonly config: ImageConfig;
  /** When it came into this store. */
  readonly storedAt: WallMs;
  /** When it last received a name. */
  readonly taggedAt?: WallMs | undefined;
  /** The image that it was committed from. */
  readonly parent?: Digest | undefined;
  /** Bytes of each layer, unpacked; as many as `config.diffIds`. */
  readonly layerBytes: readonly number[];
  /** Of what is no image but packed like one; then its id is the manifest's digest. */
  readonly artifact?: { readonly type: string; readonly bytes: number } | undefined;
  /** The blobs in the content store that it needs: config, manifest, layers as they came. */
  readonly blobs: readonly Digest[];
  /** `name@sha256:…`, where it came from a registry. */
  readonly digests: readonly string[];
  /** Those of them that have layers which are encrypted: blobs that are here can't be had from there. */
  readonly sealedDigests?: readonly string[] | undefined;
  /** Those of them whose manifest is not the one of `blobs`: blobs that are here can't be had from there. */
  readonly otherDigests?: readonly string[] | undefined;
  /** Manifests with encrypted layers that it was decrypted from. */
  readonly sealedManifests?: readonly Digest[] | undefined;
}

export interface VolumeRecord {
  readonly name: VolumeName;
  readonly createdAt: WallMs;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the driver, which is always "local": type, o, device. */
  readonly options: Readonly<Record<string, string>>;
}

/** Of a secret, without its value, which is a file. */
export interface SecretRecord {
  readonly id: SecretId;
  readonly name: string;
  readonly createdAt: WallMs;
  readonly updatedAt: WallMs;
  readonly labels: Readonly<Record<string, string>>;
}

/** An index that is being put together, until it is pushed. */
export interface ManifestListRecord {
  /** Whole, with its tag. */
  readonly name: string;
  readonly createdAt: WallMs;
  readonly entries: readonly ManifestListEntry[];
}

/** What a build has left for the next one. */
export type BuildCacheEntry = BuildStepEntry | BuildMountEntry | BuildSourceEntry;

interface BuildCacheUse {
  /** Of a step: the digest of all that it depends on. Of a mount: of its id. */
  readonly key: string;
  /** `[build 2/5] RUN make` */
  readonly description: string;
  readonly createdAt: WallMs;
  readonly usedAt: WallMs;
  readonly uses: number;
}

/** The layer that a step has made. */
export interface BuildStepEntry extends BuildCacheUse {
  readonly kind: "step";
  readonly layer: LoadedLayer;
  /** Unpacked. */
  readonly bytes: number;
}

/** A directory that steps share: `RUN --mount=type=cache`. */
export interface BuildMountEntry extends BuildCacheUse {
  readonly kind: "mount";
}

/** What was brought from a web server or a git repository. */
export interface BuildSourceEntry extends BuildCacheUse {
  readonly kind: "source";
  readonly source: "http" | "git";
  /** Its name below `<dataRoot>/build/sources`. */
  readonly directory: string;
  readonly bytes: number;
  /** Of a file. */
  readonly digest?: Digest | undefined;
  readonly etag?: string | undefined;
}

/** A step that was begun: written before anything is touched, taken away when all is done. */
export type Intent =
  | {
      readonly kind: "create";
      readonly containerId: ContainerId;
      /** Anonymous volumes that are made for it. */
      readonly volumes?: readonly string[] | undefined;
    }
  | {
      readonly kind: "start";
      readonly containerId: ContainerId;
      readonly begunAt: WallMs;
      /** Whether the restart policy caused it. Not in intents of version 0.1.0. */
      readonly byPolicy?: boolean | undefined;
      /** Cgroups above its own that were not there. */
      readonly cgroups?: readonly string[] | undefined;
      /** Its endpoints' plans, in the order of its record's endpoints. */
      readonly endpoints?: readonly EndpointPlan[] | undefined;
    }
  /** A running one gets an end in a network, or gives it up. */
  | { readonly kind: "connect"; readonly containerId: ContainerId; readonly endpoint: EndpointPlan }
  | { readonly kind: "disconnect"; readonly containerId: ContainerId; readonly endpoint: EndpointPlan }
  /** Of a running one, whose cgroup gets the new limits before the record has them. */
  | { readonly kind: "update"; readonly containerId: ContainerId; readonly limits: ContainerLimits }
  /** Frozen while it is read, and not paused by a user. */
  | { readonly kind: "freeze"; readonly containerId: ContainerId }
  | {
      readonly kind: "remove";
      readonly containerId: ContainerId;
      /** Anonymous volumes that go with it. */
      readonly volumes?: readonly string[] | undefined;
      /** Its image, which goes with it unless something else has that: see ContainerSpec.removeImage. */
      readonly image?: string | undefined;
      /** Above its cgroup, when that is not the engine's own. */
      readonly cgroupParent?: string | undefined;
      /** With it: see CgroupPart.assign(). */
      readonly isSplit?: boolean | undefined;
    }
  | { readonly kind: "remove-volume"; readonly volume: VolumeName }
  | { readonly kind: "create-network"; readonly network: NetworkPlan }
  | { readonly kind: "remove-network"; readonly network: NetworkPlan };

/** The id or name of what the step is about. */
export function subjectOf(intent: Intent): string {
  if ("network" in intent) return intent.network.id;
  return intent.kind === "remove-volume" ? intent.volume : intent.containerId;
}

export type RemoveIntent = Extract<Intent, { kind: "remove" }>;

export type IntentId = number;
