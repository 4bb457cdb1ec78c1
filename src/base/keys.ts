/** The names in a table; for tables that have no other members than those of their type. */
export function keysOf<T extends object>(table: T): readonly (keyof T & string)[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object can have more keys than its type
  return Object.keys(table) as (keyof T & string)[];
}

/** Whether the table itself has a member of this name, which may come from outside. */
export function isKeyOf<T extends object>(table: T, name: PropertyKey): name is keyof T {
  return Object.hasOwn(table, name);
}

/** A member for each name. */
export function fromKeys<Name extends string, Value>(
  names: readonly Name[],
  toValue: (name: Name) => Value,
): Record<Name, Value> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries() widens the names to string
  return Object.fromEntries(names.map((name) => [name, toValue(name)])) as Record<Name, Value>;
}

/** Whether one of the words is this value, which may come from outside. */
export function isOneOf<Word>(words: readonly Word[], value: unknown): value is Word {
  const known: readonly unknown[] = words;
  return known.includes(value);
}

/** The members with these names. */
export function pick<T extends object, Name extends keyof T>(
  table: T,
  names: readonly Name[],
): Pick<T, Name> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries() widens the names to string
  return Object.fromEntries(names.map((name) => [name, table[name]])) as Pick<T, Name>;
}
