import type { ContainerRecord, EndpointRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";

/** The name of the default bridge, whose links are names of containers: `/web/db`. */
const defaultNetwork = "bridge";

/** A link of the default bridge. Those of other networks are names that their name server looks up. */
export interface LinkRecord {
  /** An id; in a record of an older engine, or with a container that was not there, a name. */
  readonly target: string;
  readonly alias: string;
}

/** `db:database`, `db`. */
export function splitLink(text: string): LinkRecord {
  const [target = "", alias] = text.replace(/^\//, "").split(":");
  return { target, alias: alias?.replace(/^.*\//, "") ?? target };
}

export function linksOf({ endpoints = [] }: Pick<ContainerRecord, "endpoints">): readonly LinkRecord[] {
  const end = endpoints.find(({ networkName }) => networkName === defaultNetwork);
  return (end?.settings.links ?? []).map(splitLink);
}

/** The linked container; undefined when it is gone, and its link with it. */
export function findTarget(state: State, { target }: LinkRecord): ContainerRecord | undefined {
  return state.findContainer(target) ?? state.findContainerByName(target);
}

/** `web/db` for each container that has linked this one. */
export function linkNamesOf(
  state: State,
  { id, name }: Pick<ContainerRecord, "id" | "name">,
): readonly string[] {
  return state.linkingContainers().flatMap((parent) =>
    linksOf(parent)
      .filter(({ target }) => target === id || target === name)
      .map(({ alias }) => `${parent.name}/${alias}`),
  );
}

/** As inspect has them: `/db:/web/database`. */
export function describeLinks(state: State, record: ContainerRecord): readonly string[] {
  return linksOf(record).flatMap((link) => {
    const target = findTarget(state, link);
    return target === undefined ? [] : [`/${target.name}:/${record.name}/${link.alias}`];
  });
}

/** The container that `web/db` names, and the one that has the link. */
export function findLink(
  state: State,
  name: string,
):
  | { readonly parent: ContainerRecord; readonly alias: string; readonly target: ContainerRecord }
  | undefined {
  const [parentName = "", alias, ...rest] = name.split("/");
  const parent = state.findContainerByName(parentName);
  if (parent === undefined || alias === undefined || rest.length > 0) return undefined;
  const link = linksOf(parent).find((each) => each.alias === alias);
  const target = link && findTarget(state, link);
  return target && { parent, alias, target };
}

/** The ends with other links in the default bridge. */
export function withLinks(
  endpoints: readonly EndpointRecord[],
  change: (links: readonly string[]) => readonly string[],
): readonly EndpointRecord[] {
  return endpoints.map((end) => {
    if (end.networkName !== defaultNetwork || end.settings.links === undefined) return end;
    const { links, ...settings } = end.settings;
    const changed = change(links);
    return { ...end, settings: changed.length === 0 ? settings : { ...settings, links: changed } };
  });
}
