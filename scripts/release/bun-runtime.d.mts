import type { Lock } from "./sbom.mjs";

export interface Runtime {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

export function findRuntime(lock: Lock, architecture: string): Runtime;

export function checkIntegrity(bytes: Uint8Array, runtime: Runtime): void;
