import { Failure } from "../base/failure.ts";
import { findLink } from "./link-records.ts";
import type { ContainerRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";
import type { ContainerReference } from "../model/ids.ts";

/** By whole id, then name, then the name of a link (`web/db`), then the beginning of an id. Throws "not-found", or "invalid" for an ambiguous prefix. */
export function getContainer(state: State, reference: ContainerReference): ContainerRecord {
  const text = reference.startsWith("/") ? reference.slice(1) : reference;
  const exact = state.findContainer(text) ?? state.findContainerByName(text);
  if (exact !== undefined) return exact;
  const linked = text.includes("/") ? findLink(state, text) : undefined;
  if (linked !== undefined) return linked.target;
  const shown = text.slice(0, 100);
  const found = /^[0-9a-f]{1,64}$/.test(text) ? state.containersWithPrefix(text) : [];
  if (found.length > 1) {
    throw new Failure("invalid", `cannot find container "${shown}": several ids begin so`, {
      details: { ambiguous: reference },
    });
  }
  const [only] = found;
  if (only !== undefined) return only;
  throw new Failure("not-found", `cannot find container "${shown}"`, {
    details: { container: reference },
  });
}
