import { Failure } from "../../base/failure.ts";
import { formatInner, formatNumber, isList, isMap, keysOf, typeName } from "./values.ts";

const directive = /%([+\-# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:([^])|$)/gu;
/** As in Go: a wider field is taken for a mistake. */
const maximumWidth = 1_000_000;

/** Go's Sprintf for the values templates have. Wrong verbs are shown in the text, as Go shows them. */
export function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const take = (): unknown => values[next++];
  const text = format.replace(
    directive,
    (all, flags: string, width?: string, precision?: string, verb?: string) => {
      if (verb === undefined) return "%!(NOVERB)";
      if (verb === "%") return "%";
      const fieldWidth = sizeOf(width, take);
      const digits = all.includes(".") ? (sizeOf(precision, take) ?? 0) : undefined;
      if (next >= values.length) return `%!${verb}(MISSING)`;
      return padded(formatVerb(verb, take(), flags, digits), flags, fieldWidth);
    },
  );
  const extra = values.slice(next).map((value) => `${typeName(value)}=${formatInner(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

function sizeOf(text: string | undefined, take: () => unknown): number | undefined {
  if (text === undefined) return undefined;
  const size = text === "*" ? take() : Number(text);
  if (typeof size !== "number" || Math.abs(size) > maximumWidth) {
    throw new Failure("invalid", "width or precision out of range");
  }
  return Math.trunc(size);
}

function padded(text: string, flags: string, width: number | undefined): string {
  if (width === undefined) return text;
  if (flags.includes("-") || width < 0) return text.padEnd(Math.abs(width));
  if (!flags.includes("0") || !/^[+-]?[\da-fA-F.]/.test(text)) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function formatVerb(verb: string, value: unknown, flags: string, digits: number | undefined): string {
  if (verb === "v" && flags.includes("#")) return goSyntax(value);
  if (verb === "v") return typeof value === "string" ? formatText("s", value, digits) : formatInner(value);
  if (verb === "T") return typeName(value);
  if (typeof value === "boolean" && verb === "t") return String(value);
  if (typeof value === "string") return formatText(verb, value, digits);
  if (typeof value === "number") return formatOne(verb, value, flags, digits);
  if (isList(value)) return `[${value.map((inner) => formatVerb(verb, inner, flags, digits)).join(" ")}]`;
  if (isMap(value)) {
    const entries = keysOf(value).map(
      (key) => `${formatVerb(verb, key, flags, digits)}:${formatVerb(verb, value[key], flags, digits)}`,
    );
    return `map[${entries.join(" ")}]`;
  }
  return value === undefined || value === null ? `%!${verb}(<nil>)` : wrong(verb, value);
}

function formatText(verb: string, value: string, digits: number | undefined): string {
  switch (verb) {
    case "s":
      return digits === undefined ? value : [...value].slice(0, digits).join("");
    case "q":
      return JSON.stringify(value);
    case "x":
    case "X": {
      const hex = Buffer.from(value).toString("hex");
      return verb === "x" ? hex : hex.toUpperCase();
    }
    default:
      return wrong(verb, value);
  }
}

function formatOne(verb: string, value: number, flags: string, precision: number | undefined): string {
  const sign = flags.includes("+") && value >= 0 ? "+" : flags.includes(" ") && value >= 0 ? " " : "";
  const isWhole = Number.isInteger(value) && Math.abs(value) < 1e21;
  const digits = (base: number): string =>
    sign +
    BigInt(value)
      .toString(base)
      .replace(/^(-?)(\d+)$/, (_, minus: string, size: string) => minus + size.padStart(precision ?? 0, "0"));
  if (isWhole) {
    switch (verb) {
      case "d":
        return digits(10);
      case "b":
        return digits(2);
      case "o":
        return (flags.includes("#") ? "0" : "") + digits(8);
      case "x":
        return (flags.includes("#") ? "0x" : "") + digits(16);
      case "X":
        return (flags.includes("#") ? "0X" : "") + digits(16).toUpperCase();
      case "c":
        return value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : "\ufffd";
      case "U":
        return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
      case "q":
        return value >= 0 && value <= 0x10ffff ? `'${String.fromCodePoint(value)}'` : "'\ufffd'";
    }
  }
  switch (verb) {
    case "f":
    case "F":
      return sign + value.toFixed(Math.min(precision ?? 6, 100));
    case "e":
    case "E": {
      const text =
        sign + value.toExponential(Math.min(precision ?? 6, 100)).replace(/e([+-])(\d)$/, "e$10$2");
      return verb === "e" ? text : text.toUpperCase();
    }
    case "g":
    case "G":
      return (
        sign +
        (precision === undefined
          ? formatNumber(value)
          : formatNumber(Number(value.toPrecision(Math.max(1, Math.min(precision, 100))))))
      );
    default:
      return wrong(verb, value);
  }
}

/** `%#v`: text quoted, the rest as usual. */
function goSyntax(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (isList(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isMap(value)) return formatInner(value);
  return `map[string]interface {}{${keysOf(value)
    .map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`)
    .join(", ")}}`;
}

function wrong(verb: string, value: unknown): string {
  return `%!${verb}(${typeName(value)}=${formatInner(value)})`;
}
