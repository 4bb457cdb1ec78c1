import { packTree } from "../../../linux/tree/tree.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { openPlainRoot } from "./open-root.ts";

/** The root file system as tar; what is mounted in it is left out, and empty in the archive. */
export async function* exportContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void> {
  const record = getContainer(context.state, reference);
  using opened = await openPlainRoot(context, record);
  context.state.events.record(containerEvent(record, "export"));
  const { idMaps } = record;
  yield* packTree(opened.root.fd, { ...options, idMaps });
}
