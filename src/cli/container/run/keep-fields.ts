/**
 * Those of a request's fields that say something. A loop over the names of our own: every run comes by here, and what the runtime has
 * for it (filter, fromEntries) would be compiled first.
 */
export function keepFields<T extends object>(fields: T, says: (value: unknown) => boolean): Partial<T> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (says(value)) kept[name] = value;
  return kept as Partial<T>;
}

/** Those that are there. */
export function keepDefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return keepFields(fields, (value) => value !== undefined) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
