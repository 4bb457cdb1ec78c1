import type { FlagTable, TableOf } from "../../flags/flag.ts";
import { type EnvironmentValues, environmentFlags } from "./environment-flags.ts";
import { type HealthValues, healthFlags } from "./health-flags.ts";
import { type ImageValues, imageFlags } from "./image-flags.ts";
import { type IsolationValues, isolationFlags } from "./isolation-flags.ts";
import { type LifecycleValues, lifecycleFlags } from "./lifecycle-flags.ts";
import { type NetworkValues, networkFlags } from "./network-flags.ts";
import { type ProcessValues, processFlags } from "./process-flags.ts";
import type { FieldTable } from "./request-fields.ts";
import { type ResourceValues, resourceFlags } from "./resource-flags.ts";
import { type StorageValues, storageFlags } from "./storage-flags.ts";
import { laterFlags, refusedFlags } from "./unsupported-flags.ts";

/** The values of the flags that run and create share, by long name. */
export interface ContainerValues
  extends ProcessValues,
    EnvironmentValues,
    IsolationValues,
    ResourceValues,
    StorageValues,
    NetworkValues,
    LifecycleValues,
    HealthValues,
    ImageValues {}

/** The flags that run and create share. */
export const containerFlags: FieldTable<ContainerValues> = {
  ...processFlags,
  ...environmentFlags,
  ...isolationFlags,
  ...resourceFlags,
  ...storageFlags,
  ...networkFlags,
  ...lifecycleFlags,
  ...healthFlags,
  ...imageFlags,
};

/** The flags of run or create: the shared ones, those that are rejected by name, and the command's own. */
export function withContainerFlags<V>(own: TableOf<V>): TableOf<V & ContainerValues> {
  const all: FlagTable = { ...laterFlags, ...refusedFlags, ...containerFlags, ...own };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a spread over names that are not known widens the table
  return all as TableOf<V & ContainerValues>;
}
