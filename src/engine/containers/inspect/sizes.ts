import { kindOf } from "../../../base/failure.ts";
import { knownLayerBytes, layerBytesOf } from "../../images/layer-bytes.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerSummary } from "../../../model/containers.ts";
import type { ContainerContext } from "../../context.ts";
import type { ContainerSizes } from "../../../model/container-sizes.ts";

/** Measures by walking what the container has written. Undefined when it has gone meanwhile. */
export async function findSizes(
  { state, dependencies }: Pick<ContainerContext, "state" | "dependencies">,
  { id, layers }: Pick<ContainerRecord, "id" | "layers">,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ContainerSizes | undefined> {
  const { storage } = dependencies;
  try {
    const { contentBytes } = await storage.usage({ snapshot: id }, signal === undefined ? {} : { signal });
    const image = await layerBytesOf(layers, { known: knownLayerBytes(state), storage, signal });
    return { writtenBytes: contentBytes, rootBytes: image + contentBytes };
  } catch (thrown) {
    signal?.throwIfAborted();
    if (kindOf(thrown) === "not-found") return undefined;
    throw thrown;
  }
}

/** Those that have gone meanwhile are left out. */
export async function withSizes(
  context: ContainerContext,
  containers: readonly ContainerSummary[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly (ContainerSummary & { readonly sizes: ContainerSizes })[]> {
  const measured: (ContainerSummary & { readonly sizes: ContainerSizes })[] = [];
  for (const container of containers) {
    options.signal?.throwIfAborted();
    const record = context.state.findContainer(container.id);
    const sizes = record === undefined ? undefined : await findSizes(context, record, options);
    if (sizes !== undefined) measured.push({ ...container, sizes });
  }
  return measured;
}
