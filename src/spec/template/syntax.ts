/** The tree of a template. Offsets are where an error in the node is reported. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipe: Pipe }
  | {
      readonly kind: "if" | "range" | "with";
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: "template";
      readonly name: string;
      readonly offset: number;
      readonly pipe: Pipe | undefined;
    }
  | { readonly kind: "break" | "continue" };

export interface Pipe {
  readonly offset: number;
  /** Names with their dollar; at most two, and two only in range. */
  readonly variables: readonly string[];
  /** `=` changes variables, `:=` makes them. */
  readonly isAssignment: boolean;
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly offset: number;
  readonly operands: readonly Operand[];
}

export type Operand = { readonly offset: number } & (
  | { readonly kind: "dot" }
  | { readonly kind: "nil" }
  | { readonly kind: "constant"; readonly value: boolean | number | string; readonly written: string }
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe }
  | { readonly kind: "chain"; readonly of: Operand; readonly path: readonly string[] }
);

/** Whether nothing of the data is in what the pipe gives. */
export function hasOnlyConstants(pipe: Pipe): boolean {
  return pipe.commands.every(({ operands }) =>
    operands.every(
      (operand) =>
        operand.kind === "constant" ||
        operand.kind === "function" ||
        (operand.kind === "pipe" && hasOnlyConstants(operand.pipe)),
    ),
  );
}

/** The operand as it could be written, for errors. */
export function showOperand(operand: Operand): string {
  switch (operand.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "constant":
      return operand.written;
    case "field":
      return showPath(operand.path);
    case "variable":
      return operand.name + showPath(operand.path);
    case "function":
      return operand.name;
    case "pipe":
      return `(${showPipe(operand.pipe)})`;
    case "chain":
      return showOperand(operand.of) + showPath(operand.path);
  }
}

export function showCommand(command: CommandNode): string {
  return command.operands.map(showOperand).join(" ");
}

export function showPipe(pipe: Pipe): string {
  const commands = pipe.commands.map(showCommand).join(" | ");
  if (pipe.variables.length === 0) return commands;
  return `${pipe.variables.join(", ")} ${pipe.isAssignment ? "=" : ":="} ${commands}`;
}

function showPath(path: readonly string[]): string {
  return path.map((name) => `.${name}`).join("");
}
