import { Failure } from "../../base/failure.ts";

/**
 * The fields of one line of comma-separated values, as Go reads them: a field that begins with a quote ends with one,
 * and has two in place of each quote inside. Throws Failure("invalid") in Go's words.
 */
export function parseCsvFields(text: string): readonly string[] {
  if (text === "") throw new Failure("invalid", "EOF");
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] === '"') {
      const { field, end } = readQuoted(text, at);
      fields.push(field);
      at = end;
    } else {
      const comma = text.indexOf(",", at);
      const field = text.slice(at, comma < 0 ? text.length : comma);
      const quote = field.indexOf('"');
      if (quote >= 0) throw parseError(at + quote + 1, 'bare " in non-quoted-field');
      fields.push(field);
      at += field.length;
    }
    if (at >= text.length) return fields;
    at++; // the comma
  }
}

function readQuoted(text: string, begin: number): { readonly field: string; readonly end: number } {
  let field = "";
  for (let at = begin + 1; ; at++) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw parseError(text.length + 1, 'extraneous or missing " in quoted-field');
    field += text.slice(at, quote);
    const next = text[quote + 1];
    if (next === undefined || next === ",") return { field, end: quote + 1 };
    if (next !== '"') throw parseError(quote + 1, 'extraneous or missing " in quoted-field');
    field += '"';
    at = quote + 1;
  }
}

function parseError(column: number, detail: string): Failure {
  return new Failure("invalid", `parse error on line 1, column ${column}: ${detail}`);
}
