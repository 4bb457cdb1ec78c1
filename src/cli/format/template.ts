import { evaluateTemplate } from "../../spec/template/evaluate.ts";
import { headingFunctions, templateFunctions } from "../../spec/template/functions.ts";
import { parseTemplate } from "../../spec/template/parse.ts";

export interface RenderOptions {
  /** The result for a name that is not in a map: nothing (`<no value>`), or an error. */
  readonly missing?: "nothing" | "error" | undefined;
  /** The name of the data in errors when they have a fixed set of fields: another field is an error. */
  readonly rowName?: string | undefined;
}

/** A template in Go's text/template language with Docker's functions, read once. */
export interface Template {
  /** Throws Failure("invalid") with the place where the data does not fit. */
  render(data: unknown, options?: RenderOptions): string;
  /** The heading of a table: the template over names of columns. */
  renderHeading(names: unknown): string;
}

/**
 * Reads a `--format` template. Data are JSON values; a function in a map is a method that is called with the
 * template's arguments. Throws Failure("invalid"): `template parsing error: template: :1: …`.
 */
export function compileTemplate(text: string): Template {
  const parsed = parseTemplate(text, (name) => Object.hasOwn(templateFunctions, name));
  return {
    render: (data, options = {}) =>
      evaluateTemplate(parsed, data, { ...options, functions: templateFunctions }),
    renderHeading: (names) => evaluateTemplate(parsed, names, { functions: headingFunctions }),
  };
}
