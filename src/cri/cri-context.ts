import { Failure } from "../base/failure.ts";
import type { CriEngine, CriObject } from "../engine/cri-engine.ts";
import type { CriContainerSettings, CriSandboxSettings } from "../model/cri.ts";
import type { Engine } from "../model/engine.ts";
import type { PodNetwork } from "./pod-network.ts";
import type { StreamingServer } from "./streaming/streaming-server.ts";

/** What the handlers of both services share. */
export interface CriContext {
  readonly engine: Engine;
  readonly cri: CriEngine;
  readonly network: PodNetwork;
  readonly version: string;
  readonly streaming: StreamingServer;
}

/** Throws "not-found". */
export function getSandbox({ cri }: CriContext, id: string): CriObject<CriSandboxSettings> {
  const found = cri.findSandbox(id);
  if (found !== undefined) return found;
  throw new Failure("not-found", `cannot find pod sandbox "${id.slice(0, 100)}"`);
}

/** Throws "not-found". */
export function getContainer({ cri }: CriContext, id: string): CriObject<CriContainerSettings> {
  const found = cri.findContainer(id);
  if (found !== undefined) return found;
  throw new Failure("not-found", `cannot find container "${id.slice(0, 100)}"`);
}

/** The containers of a sandbox, in the order in which they were created. */
export function containersOf(
  { cri }: CriContext,
  sandboxId: string,
): readonly CriObject<CriContainerSettings>[] {
  return cri.list().filter(({ spec }) => spec.pod === sandboxId);
}
