import type { ImageInspect } from "../../api/types/image.ts";

/** Docker's null for a driver without details. */
export function graphDriverOf({
  driver,
  data,
}: {
  readonly driver: string;
  readonly data: Readonly<Record<string, string>>;
}): ImageInspect["GraphDriver"] {
  return { Name: driver, Data: Object.keys(data).length === 0 ? null : data };
}
