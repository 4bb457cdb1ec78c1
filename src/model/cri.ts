import type { IdMaps } from "../spec/id-map.ts";

/** Whose namespace a pod or container has. SPEC: runtime.v1.NamespaceMode */
export type CriNamespaceMode = "pod" | "container" | "node" | "target";

/** Namespaces of a pod or container, as they were requested. */
export interface CriNamespaces {
  readonly network: CriNamespaceMode;
  readonly pid: CriNamespaceMode;
  readonly ipc: CriNamespaceMode;
  /** The container whose PID namespace is used, with "target". */
  readonly targetId?: string | undefined;
  /** Present: a user namespace with these IDs. */
  readonly user?: IdMaps | undefined;
}

/** The properties of a pod sandbox that its container does not have. SPEC: runtime.v1.PodSandboxConfig */
export interface CriSandboxSettings {
  readonly kind: "sandbox";
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
  /** Absolute path on the host, or "". */
  readonly logDirectory: string;
  readonly namespaces: CriNamespaces;
  readonly isPrivileged: boolean;
}

/** An image as a kubelet names it. SPEC: runtime.v1.ImageSpec */
export interface CriImageName {
  readonly image: string;
  readonly userSpecifiedImage: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A mount as it was requested, for status reports. SPEC: runtime.v1.Mount */
export interface CriMount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly recursiveReadOnly: boolean;
  readonly propagation: "private" | "host-to-container" | "bidirectional";
  /** Present: an image is mounted in place of a host path. */
  readonly image?: string | undefined;
  readonly imageSubPath?: string | undefined;
}

/** The properties of a container that its specification does not have. SPEC: runtime.v1.ContainerConfig */
export interface CriContainerSettings {
  readonly kind: "container";
  readonly name: string;
  readonly attempt: number;
  /** Absolute path of the log in the CRI's format on the host, or "". */
  readonly logFile: string;
  readonly image: CriImageName;
  readonly mounts: readonly CriMount[];
}

/** What a kubelet has created through the Container Runtime Interface. */
export type CriSettings = CriSandboxSettings | CriContainerSettings;
