/** `T` whose members are present or absent, but never undefined, as `exactOptionalPropertyTypes` requires. */
export type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** `T` whose members may also be undefined. */
export type Undefinable<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The members that are not undefined. */
export function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** `settings` with `changes`. A member that is absent or undefined in `changes` stays; any other one is replaced as a whole. */
export function merge<T extends object>(settings: T, changes: Undefinable<T>): T {
  return { ...settings, ...defined(changes) };
}
