import { Failure, sentenceOf } from "../../base/failure.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import { positionOf, templateFailure } from "./failure.ts";
import type { TemplateFunction } from "./functions.ts";
import type { ParsedTemplate } from "./parse.ts";
import {
  type CommandNode,
  hasOnlyConstants,
  type Node,
  type Operand,
  type Pipe,
  showCommand,
  showOperand,
  showPipe,
} from "./syntax.ts";
import { formatValue, isList, isMap, isTrue, keysOf, typeName } from "./values.ts";

export interface EvaluateOptions {
  readonly functions: Readonly<Record<string, TemplateFunction>>;
  /** The result for a name that is not in a map: nothing (`<no value>`), or an error. */
  readonly missing?: "nothing" | "error" | undefined;
  /** The name of the data in errors when they have a fixed set of fields: another field is an error. */
  readonly rowName?: string | undefined;
}

const maximumCalls = 100;

/** The text a template gives for the data. Throws a Failure with the place that went wrong. */
export function evaluateTemplate(template: ParsedTemplate, data: unknown, options: EvaluateOptions): string {
  const evaluation = new Evaluation(template, options, data);
  evaluation.walk(template.nodes, data);
  return evaluation.output.join("");
}

type Flow = "on" | "break" | "continue";
interface Variable {
  readonly name: string;
  value: unknown;
}
/** Stands for "no value comes from the pipe". */
const absent: unique symbol = Symbol("absent");

class Evaluation {
  readonly output: string[] = [];
  readonly #template: ParsedTemplate;
  readonly #functions: Readonly<Record<string, TemplateFunction>>;
  readonly #missing: "nothing" | "error";
  readonly #row: { readonly name: string; readonly value: unknown } | undefined;
  #variables: Variable[];
  #calls = 0;

  constructor(
    template: ParsedTemplate,
    { functions, missing = "nothing", rowName }: EvaluateOptions,
    data: unknown,
  ) {
    this.#template = template;
    this.#functions = functions;
    this.#missing = missing;
    this.#row = rowName === undefined ? undefined : { name: rowName, value: data };
    this.#variables = [{ name: "$", value: data }];
  }

  walk(nodes: readonly Node[], dot: unknown): Flow {
    for (const node of nodes) {
      const flow = this.#walkOne(node, dot);
      if (flow !== "on") return flow;
    }
    return "on";
  }

  #walkOne(node: Node, dot: unknown): Flow {
    switch (node.kind) {
      case "text":
        this.output.push(node.text);
        return "on";
      case "print": {
        const value = this.#pipe(node.pipe, dot);
        // What the template itself holds, colors for instance, is the user's own.
        if (node.pipe.variables.length === 0)
          this.output.push(
            hasOnlyConstants(node.pipe) ? formatValue(value) : quoteControls(formatValue(value)),
          );
        return "on";
      }
      case "break":
      case "continue":
        return node.kind;
      case "template":
        this.#callTemplate(node, dot);
        return "on";
      case "if":
      case "with":
      case "range": {
        const mark = this.#variables.length;
        const flow = node.kind === "range" ? this.#range(node, dot) : this.#branch(node, dot);
        this.#variables.length = mark;
        return flow;
      }
    }
  }

  #branch(node: Extract<Node, { kind: "if" | "range" | "with" }>, dot: unknown): Flow {
    const value = this.#pipe(node.pipe, dot);
    if (!isTrue(value)) return this.walk(node.otherwise, dot);
    return this.walk(node.body, node.kind === "with" ? value : dot);
  }

  #range(node: Extract<Node, { kind: "if" | "range" | "with" }>, dot: unknown): Flow {
    const value = this.#valueOf(node.pipe, dot);
    const entries = this.#entries(value, node.pipe);
    if (entries.length === 0) return this.walk(node.otherwise, dot);
    const mark = this.#variables.length;
    for (const [key, item] of entries) {
      this.#assign(node.pipe, key, item);
      const flow = this.walk(node.body, item);
      this.#variables.length = mark;
      if (flow === "break") break;
    }
    return "on";
  }

  /** Range: one variable is the item, two are key and item. */
  #assign({ variables, isAssignment }: Pipe, key: unknown, item: unknown): void {
    const values = variables.length === 2 ? [key, item] : [item];
    variables.forEach((name, index) => {
      if (isAssignment) this.#setVariable(name, values[index]);
      else this.#variables.push({ name, value: values[index] });
    });
  }

  #entries(value: unknown, pipe: Pipe): readonly (readonly [unknown, unknown])[] {
    if (value === undefined || value === null) return [];
    if (isList(value)) return value.map((item, index) => [index, item] as const);
    if (isMap(value)) return keysOf(value).map((key) => [key, value[key]] as const);
    throw this.#fail(pipe.offset, showPipe(pipe), `range can't iterate over ${formatValue(value)}`);
  }

  #callTemplate(node: Extract<Node, { kind: "template" }>, dot: unknown): void {
    const nodes = this.#template.defined.get(node.name);
    const shown = `{{template ${JSON.stringify(node.name)}}}`;
    if (nodes === undefined)
      throw this.#fail(node.offset, shown, `template ${JSON.stringify(node.name)} not defined`);
    const value = node.pipe === undefined ? undefined : this.#pipe(node.pipe, dot);
    if (++this.#calls > maximumCalls) throw this.#fail(node.offset, shown, "exceeded maximum template depth");
    const outer = this.#variables;
    this.#variables = [{ name: "$", value }];
    this.walk(nodes, value);
    this.#variables = outer;
    this.#calls--;
  }

  #valueOf(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = absent;
    for (const command of pipe.commands) value = this.#command(command, dot, value);
    return value;
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    const value = this.#valueOf(pipe, dot);
    if (pipe.variables.length === 1) {
      const name = pipe.variables[0] ?? "";
      if (pipe.isAssignment) this.#setVariable(name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #command(command: CommandNode, dot: unknown, final: unknown): unknown {
    const [first, ...others] = command.operands;
    if (first === undefined) return undefined;
    if (first.kind === "function") return this.#callFunction(first.name, first, others, dot, final, command);
    const hasArguments = others.length > 0 || final !== absent;
    if (!hasArguments) return this.#operand(first, dot);
    if (first.kind === "field" || first.kind === "chain" || first.kind === "variable") {
      const values = others.map((operand) => this.#operand(operand, dot));
      return this.#operand(first, dot, final === absent ? values : [...values, final]);
    }
    throw this.#fail(
      first.offset,
      showOperand(first),
      `can't give argument to non-function ${showOperand(first)}`,
    );
  }

  #operand(operand: Operand, dot: unknown, values?: readonly unknown[]): unknown {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        throw this.#fail(operand.offset, "nil", "nil is not a command");
      case "constant":
        return operand.value;
      case "field":
        return this.#path(operand, dot, operand.path, values);
      case "variable":
        return this.#path(operand, this.#findVariable(operand.name)?.value, operand.path, values);
      case "chain":
        return this.#path(operand, this.#operand(operand.of, dot), operand.path, values);
      case "pipe":
        return this.#pipe(operand.pipe, dot);
      case "function":
        return this.#callFunction(operand.name, operand, [], dot, absent);
    }
  }

  #path(operand: Operand, root: unknown, path: readonly string[], values?: readonly unknown[]): unknown {
    if (path.length === 0 && values !== undefined) {
      throw this.#fail(
        operand.offset,
        showOperand(operand),
        `can't give argument to non-function ${showOperand(operand)}`,
      );
    }
    return path.reduce(
      (value: unknown, name, index) =>
        this.#field(operand, value, name, index === path.length - 1 ? values : undefined),
      root,
    );
  }

  #field(operand: Operand, value: unknown, name: string, values: readonly unknown[] = []): unknown {
    const fail = (problem: string): Error => this.#fail(operand.offset, showOperand(operand), problem);
    if (value === undefined || value === null) throw fail(`nil pointer evaluating interface {}.${name}`);
    if (!isMap(value)) throw fail(`can't evaluate field ${name} in type ${typeName(value)}`);
    const found = findField(value, name);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the functions of a row are its methods
    if (typeof found === "function") return this.#callMethod(operand, name, found as Method, values);
    if (values.length > 0) throw fail(`${name} has arguments but cannot be invoked as function`);
    if (found !== undefined || Object.hasOwn(value, name)) return found;
    if (this.#row?.value === value) {
      throw fail(
        `can't evaluate field ${name} in type ${this.#row.name} (it has ${keysOf(value).join(", ")})`,
      );
    }
    if (this.#missing === "error") throw fail(`map has no entry for key ${JSON.stringify(name)}`);
    return undefined;
  }

  #callMethod(operand: Operand, name: string, method: Method, values: readonly unknown[]): unknown {
    if (values.length !== method.length) {
      const problem = `wrong number of args for ${name}: want ${method.length} got ${values.length}`;
      throw this.#fail(operand.offset, showOperand(operand), problem);
    }
    return this.#guarded(operand.offset, showOperand(operand), () => method(...values));
  }

  #callFunction(
    name: string,
    operand: Operand,
    others: readonly Operand[],
    dot: unknown,
    final: unknown,
    command?: CommandNode,
  ): unknown {
    const shown = command === undefined ? name : showCommand(command);
    const called = this.#functions[name];
    const count = others.length + (final === absent ? 0 : 1);
    const [least, most] = called?.takes ?? [0, 0];
    if (count < least || count > most) {
      const wanted = least === most ? `want ${least}` : `want at least ${least}`;
      throw this.#fail(operand.offset, name, `wrong number of args for ${name}: ${wanted} got ${count}`);
    }
    if (name === "and" || name === "or") return this.#shortCircuit(name === "and", others, dot, final);
    // nil is no value of its own, but may be given to a function.
    const values = others.map((other) => (other.kind === "nil" ? undefined : this.#operand(other, dot)));
    if (final !== absent) values.push(final);
    return this.#guarded(operand.offset, shown, () => called?.call(values));
  }

  #shortCircuit(isAnd: boolean, operands: readonly Operand[], dot: unknown, final: unknown): unknown {
    let value: unknown;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (isTrue(value) !== isAnd) return value;
    }
    return final === absent ? value : final;
  }

  #guarded(offset: number, shown: string, call: () => unknown): unknown {
    try {
      return call();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      const name = shown.split(" ")[0] ?? "";
      throw this.#fail(offset, shown, `error calling ${name}: ${sentenceOf(thrown)}`);
    }
  }

  #findVariable(name: string): Variable | undefined {
    return this.#variables.findLast((variable) => variable.name === name);
  }

  #setVariable(name: string, value: unknown): void {
    const variable = this.#findVariable(name);
    if (variable !== undefined) variable.value = value;
  }

  #fail(offset: number, shown: string, problem: string): Error {
    const { line, column } = positionOf(this.#template.text, offset);
    return templateFailure(`:${line}:${column}: executing "" at <${shown}>: ${problem}`);
  }
}

type Method = (...values: readonly unknown[]) => unknown;

/** The entry of that name; else one that differs in case only, as `.ID` and the API's `Id` do. */
function findField(map: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(map, name)) return map[name];
  const lower = name.toLowerCase();
  const key = Object.keys(map).find((candidate) => candidate.toLowerCase() === lower);
  return key === undefined ? undefined : map[key];
}
