/** A Go slice that is nil: prints as `[]`, is empty, and is `null` in JSON. */
export const nilList: readonly never[] = Object.freeze([]);
/** A Go map that is nil: prints as `map[]`, is empty, and is `null` in JSON. */
export const nilMap: Readonly<Record<string, never>> = Object.freeze(Object.create(null));

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys of a map as templates see them: sorted, without what can only be called. */
export function keysOf(map: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(map)
    .filter((key) => typeof map[key] !== "function")
    .sort();
}

/** What `if` takes for true: everything but false, 0, nothing and what is empty. */
export function isTrue(value: unknown): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return keysOf(value).length > 0;
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== "";
}

/** The type as Go would name it. */
export function typeName(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (isList(value)) return "[]interface {}";
  return isMap(value) ? "map[string]interface {}" : "<nil>";
}

/** The text Go's Print gives: `map[a:b]`, `[a b]`, `<no value>` for a value that is not there. */
export function formatValue(value: unknown): string {
  return value === undefined || value === null ? "<no value>" : formatInner(value);
}

/** As formatValue(), inside of something else, where nothing is `<nil>`. */
export function formatInner(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "number") return formatNumber(value);
  if (isList(value)) return `[${value.map(formatInner).join(" ")}]`;
  if (isMap(value))
    return `map[${keysOf(value)
      .map((key) => `${key}:${formatInner(value[key])}`)
      .join(" ")}]`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A number as Go prints it: whole ones plainly, others in the shortest form. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e21) return plain(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function plain(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (match === null) return text;
  return `${match[1]}0.${"0".repeat(Number(match[4]) - 1)}${match[2]}${match[3] ?? ""}`;
}

/** JSON as Go encodes it without escaping HTML; nil lists and maps are null. */
export function formatJson(
  value: unknown,
  { indent = 0 }: { readonly indent?: number | undefined } = {},
): string {
  const replace = (_: string, inner: unknown): unknown => {
    if (inner === nilList || inner === nilMap) return null;
    return typeof inner === "bigint" ? Number(inner) : inner;
  };
  const text = JSON.stringify(value, replace, indent) ?? "null";
  return text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
