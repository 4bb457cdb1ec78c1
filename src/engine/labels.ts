/** Whether the labels have the one that a filter names: `name`, or `name=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const name = equals < 0 ? wanted : wanted.slice(0, equals);
  if (!Object.hasOwn(labels, name)) return false;
  return equals < 0 || labels[name] === wanted.slice(equals + 1);
}
