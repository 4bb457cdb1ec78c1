/** Whether a value from outside is an object that is no list: of JSON, its members may have any type. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether each member is of this type. */
export function hasMembers<T>(
  value: Readonly<Record<string, unknown>>,
  is: (member: unknown) => member is T,
): value is Readonly<Record<string, T>> {
  return Object.values(value).every(is);
}

/** Whether a value from outside is a text. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}
