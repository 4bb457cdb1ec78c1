import type { Owned } from "../harness/owned.ts";

export const engineNames = ["floor", "tare", "docker", "podman", "runc"] as const;
export type EngineName = (typeof engineNames)[number];

/** The state that all engines of a run share. */
export interface Bed {
  readonly owned: Owned;
  /** A docker-archive with one image, and its name. */
  readonly archive: string;
  readonly image: string;
  /** The same root file system unpacked, for those that have no images. */
  readonly rootfs: string;
  /** The executable under test. */
  readonly tare: string;
  /** Engines may make bridges and firewall rules: this network namespace is the bench's own. */
  readonly networks: boolean;
}

/** Another storage driver than an engine's own choice, with all its data in a directory of its own. */
export interface StorageChoice {
  readonly driver: string;
  readonly directory: string;
}

/**
 * One that is measured: with its own roots below the bed's directory. Disposing removes its containers and ends its
 * processes.
 */
export interface Engine extends AsyncDisposable {
  readonly name: EngineName;
  readonly version: string;
  /** A whole command that makes a container without a network, runs `true` in it, and removes it. */
  runTrue(): readonly string[];
  /** A whole command that runs `true` in a container that the engine keeps running for it. */
  execTrue(): readonly string[];
  readonly containers?: Containers;
}

/** The interface of Docker's command line, for the engines that have it. */
export interface Containers {
  readonly image: string;
  /** With the flags that every command needs. */
  command(...words: readonly string[]): readonly string[];
  /** `run -d` with what this engine needs to be comparable. */
  runDetached(flags: readonly string[], ...command: readonly string[]): readonly string[];
  /** Kills and removes them at once: `rm -f` and whatever this engine needs to grant no time to end. */
  remove(...ids: readonly string[]): readonly string[];
  /** The flags that pull and push need for a registry on the loopback. */
  readonly registryFlags?: readonly string[];
  /** Where it speaks Docker's API. */
  readonly socketPath?: string;
  /** The processes that serve, without those of containers. */
  serverPids(): readonly number[];
  /** The processes that stay with running containers: keepers, shims, monitors. */
  keeperPids(): readonly number[];
  /** When nothing of removed containers is left to do. */
  settle(): Promise<void>;
}

/** Why an engine is not measured: a fact to print, not a failure. */
export interface Missing {
  readonly name: EngineName;
  readonly missing: string;
}
