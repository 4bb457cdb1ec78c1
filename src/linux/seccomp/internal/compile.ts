import { required } from "../../../base/required.ts";
import { Failure } from "../../../base/failure.ts";
import { badArchitecture } from "./action.ts";
import { Assembler, type Label } from "./assembler.ts";
import { writeCondition } from "./condition.ts";
import { encodeInstructions, maxInstructions, offset } from "./instruction.ts";
import type { AbiDecisions } from "./resolve.ts";
import { type Span, spansOf } from "./spans.ts";

/**
 * The BPF program of a resolved profile: architecture, number by a binary tree, then arguments.
 * KERNEL(5.11): nothing but these two is loaded before the decision on the number, so calls that are always allowed are
 * found in the kernel's bitmap without running the program.
 */
export function compileDecisions(resolved: readonly AbiDecisions[]): Uint8Array {
  const assembler = new Assembler();
  let next = assembler.return(badArchitecture);
  for (const audit of new Set(resolved.map(({ abi }) => abi.audit))) {
    const spans = spansOf(resolved.filter(({ abi }) => abi.audit === audit));
    const tree = writeTree(assembler, spans, new Map());
    const section = assembler.load(offset.number, tree);
    next = assembler.branch("ifEqual", audit, { yes: section, no: next });
  }
  assembler.load(offset.architecture, next);
  const program = assembler.finish();
  if (program.length > maxInstructions) {
    throw new Failure(
      "invalid",
      `cannot compile the seccomp profile: it needs ${program.length} instructions, at most ${maxInstructions} are allowed`,
    );
  }
  return encodeInstructions(program);
}

function writeTree(assembler: Assembler, spans: readonly Span[], written: Map<string, Label>): Label {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller gives at least one
  const [first, second, third] = spans as [Span, Span?, Span?];
  if (second === undefined) return writeSpan(assembler, first, written);
  const single = spans.length === 3 && third?.key === first.key && third.first === second.first + 1;
  if (single) {
    const no = writeSpan(assembler, first, written);
    const yes = writeSpan(assembler, second, written);
    return assembler.branch("ifEqual", second.first, { yes, no });
  }
  const middle = spans.length >> 1;
  const yes = writeTree(assembler, spans.slice(middle), written);
  const no = writeTree(assembler, spans.slice(0, middle), written);
  return assembler.branch("ifAtLeast", required(spans[middle]).first, { yes, no });
}

function writeSpan(assembler: Assembler, span: Span, written: Map<string, Label>): Label {
  const { decision } = span;
  if (decision.cases.length === 0) return assembler.return(decision.otherwise);
  const present = written.get(span.key);
  if (present !== undefined) return present;
  let next = assembler.return(decision.otherwise);
  for (const { conditions, action } of decision.cases.toReversed()) {
    let yes = assembler.return(action);
    for (const condition of conditions.toReversed())
      yes = writeCondition(assembler, condition, { yes, no: next });
    next = yes;
  }
  written.set(span.key, next);
  return next;
}
