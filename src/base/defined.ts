/** `T` whose members are all present. */
export type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** `T` whose members are present or absent, but never undefined. */
export type Defined<T> = {
  readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** `T` whose members may also be undefined. */
export type Undefinable<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The members that are not undefined. */
export function defined<T extends object>(members: T): Defined<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries() widens the names to string
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/**
 * `settings` with `changes`, the last of which counts. A member that is absent or undefined in `changes` stays; any
 * other one is replaced as a whole. Every merge of objects with optional members uses it: a spread would overwrite a
 * member with an explicit undefined.
 */
export function mergeDefined<T extends object>(
  settings: T,
  ...changes: readonly (Undefinable<T> | undefined)[]
): T {
  const merged: Record<string, unknown> = {};
  for (const each of [settings, ...changes]) {
    for (const [name, value] of Object.entries(each ?? {})) if (value !== undefined) merged[name] = value;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each member of T is present: it is in `settings`
  return merged as T;
}
