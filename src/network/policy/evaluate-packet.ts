import {
  parseData,
  type Expression,
  type FirewallChain,
  type FirewallRule,
  type FirewallSetCopy,
  type Verdict,
} from "../../linux/nftables/rules.ts";
import { evaluateExtension } from "./evaluate-extension.ts";
import type { TestPacket } from "./test-packet.ts";

export interface TableContents {
  readonly rules: readonly FirewallRule[];
  readonly sets: readonly FirewallSetCopy[];
}

/** The possible verdicts of a chain: both, when the verdict depends on unknown facts, such as the sender. */
export interface Evaluation {
  readonly mayPass: boolean;
  readonly mayBeRefused: boolean;
}

type Match = "yes" | "no" | "maybe";
type Outcome = "accept" | "drop" | "end";
/** 16 registers of four bytes; undefined: not known. */
type Registers = (Buffer | undefined)[];

/** Goes through a base chain with a packet, without asking the kernel. */
export function evaluatePacket(base: FirewallChain, contents: TableContents, packet: TestPacket): Evaluation {
  const outcomes = new Set(walk(base.chain, { contents, packet, depth: 0 }));
  if (outcomes.delete("end")) outcomes.add(base.policy);
  return { mayPass: outcomes.has("accept"), mayBeRefused: outcomes.has("drop") };
}

interface Walk {
  readonly contents: TableContents;
  readonly packet: TestPacket;
  readonly depth: number;
}

/** The kernel lets chains call each other no deeper. */
const DEEPEST = 16;

function walk(chain: string, at: Walk): readonly Outcome[] {
  const found: Outcome[] = [];
  if (at.depth > DEEPEST) return ["end"];
  for (const rule of at.contents.rules) {
    if (rule.chain !== chain) continue;
    const { match, verdicts } = evaluateRule(rule, at);
    if (match === "no") continue;
    let isOver = match === "yes" && verdicts.length > 0;
    for (const verdict of verdicts) {
      const reached = follow(verdict, at);
      found.push(...reached.outcomes);
      if (reached.goesOn) isOver = false;
    }
    if (isOver) return found;
  }
  return [...found, "end"];
}

function follow(
  verdict: Verdict,
  at: Walk,
): { readonly outcomes: readonly Outcome[]; readonly goesOn: boolean } {
  switch (verdict.kind) {
    case "accept":
      return { outcomes: ["accept"], goesOn: false };
    case "drop":
    case "queue":
      return { outcomes: ["drop"], goesOn: false };
    case "return":
      return { outcomes: ["end"], goesOn: false };
    case "continue":
      return { outcomes: [], goesOn: true };
    case "jump":
    case "goto": {
      const inner = walk(verdict.chain ?? "", { ...at, depth: at.depth + 1 });
      if (verdict.kind === "goto") return { outcomes: inner, goesOn: false };
      return { outcomes: inner.filter((outcome) => outcome !== "end"), goesOn: inner.includes("end") };
    }
    default:
      return verdict.kind satisfies never;
  }
}

function evaluateRule(
  rule: FirewallRule,
  at: Walk,
): { readonly match: Match; readonly verdicts: readonly Verdict[] } {
  const registers: Registers = [];
  let match: Match = "yes";
  for (const step of rule.expressions) {
    const result = evaluateStep(step, registers, at);
    if (result === "no") return { match: "no", verdicts: [] };
    if (result === "maybe") match = "maybe";
    else if (result !== "yes") {
      const { verdicts, isSure } = result;
      return { match: isSure ? match : "maybe", verdicts };
    }
  }
  return { match, verdicts: [] };
}

type StepResult = Match | { readonly verdicts: readonly Verdict[]; readonly isSure: boolean };
const drop: StepResult = { verdicts: [{ kind: "drop" }], isSure: true };

function evaluateStep(step: Expression, registers: Registers, { packet, contents }: Walk): StepResult {
  switch (step.name) {
    case "meta":
      return load(registers, step, step.attributes.has(3) ? undefined : metaOf(packet, number(step, 2)));
    case "payload":
      return load(registers, step, step.attributes.has(5) ? undefined : payloadOf(packet, step));
    case "ct":
      return load(
        registers,
        step,
        step.attributes.has(4) ? undefined : connectionOf(packet, number(step, 2)),
      );
    case "fib": {
      const isTypeOfDestination = number(step, 2) === 3 && (number(step, 3) & 2) !== 0;
      return load(registers, step, isTypeOfDestination ? word(packet.isTranslated ? 1 : 2) : undefined);
    }
    case "bitwise":
      return bitwise(registers, step);
    case "cmp":
      return compare(registers, step);
    case "range":
      return range(registers, step);
    case "lookup":
      return lookUp(registers, step, contents.sets);
    case "immediate": {
      const { value, verdict } = parseData(step.attributes.get(2));
      if (verdict !== undefined) return { verdicts: [verdict], isSure: true };
      return load(registers, step, value);
    }
    case "reject":
    case "queue":
      return drop;
    case "match": {
      const isMatch = evaluateExtension(step, packet);
      return isMatch === undefined ? "maybe" : isMatch ? "yes" : "no";
    }
    case "target": {
      const name = step.attributes.get(1)?.toString("utf8") ?? "";
      return /^(REJECT|NFQUEUE)/.test(name) ? drop : "yes";
    }
    case "counter":
    case "log":
    case "last":
    case "notrack":
    case "objref":
      return "yes";
    default:
      return "maybe";
  }
}

function number(step: Expression, attribute: number): number {
  return step.attributes.get(attribute)?.readUInt32BE(0) ?? 0;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Registers 1 to 4 have 16 bytes; those from 8 on are their words. */
function wordIndex(register: number): number {
  return register < 8 ? (register - 1) * 4 : register - 8;
}

/** The destination register is the first attribute, but of lookup. */
function load(registers: Registers, step: Expression, value: Buffer | undefined, attribute = 1): Match {
  const register = number(step, attribute);
  if (register === 0) return "yes";
  const first = wordIndex(register);
  if (value === undefined) {
    for (let at = first; at < Math.min(first + 4, 16); at++) registers[at] = undefined;
    return "yes";
  }
  for (let at = 0; at * 4 < value.length; at++) {
    const bytes = Buffer.alloc(4);
    value.copy(bytes, 0, at * 4, at * 4 + 4);
    registers[first + at] = bytes;
  }
  return "yes";
}

function read(registers: Registers, register: number, length: number): Buffer | undefined {
  const first = wordIndex(register);
  const count = Math.ceil(length / 4);
  const words = registers.slice(first, first + count).filter((word) => word !== undefined);
  return words.length < count ? undefined : Buffer.concat(words).subarray(0, length);
}

function metaOf(packet: TestPacket, key: number): Buffer | undefined {
  const name = (text: string | undefined): Buffer | undefined =>
    text === undefined ? undefined : Buffer.concat([Buffer.from(text), Buffer.alloc(16)]).subarray(0, 16);
  const values: Readonly<Record<number, () => Buffer | undefined>> = {
    1: () => Buffer.from(packet.family === 4 ? [0x08, 0x00] : [0x86, 0xdd]),
    3: () => word(0),
    4: () => word(packet.inInterface.index),
    5: () => (packet.outInterface === undefined ? undefined : word(packet.outInterface.index)),
    6: () => name(packet.inInterface.name),
    7: () => name(packet.outInterface?.name ?? ""),
    15: () => word(packet.family === 4 ? 2 : 10),
    16: () => word(packet.protocol),
    19: () => word(0),
  };
  return values[key]?.();
}

function payloadOf(packet: TestPacket, step: Expression): Buffer | undefined {
  const key = `${number(step, 2)}:${number(step, 3)}:${number(step, 4)}`;
  const port = Buffer.from([packet.destinationPort >> 8, packet.destinationPort & 0xff]);
  if (key === "2:2:2") return port;
  if (key === (packet.family === 4 ? "1:9:1" : "1:6:1")) return Buffer.from([packet.protocol]);
  if (key === (packet.family === 4 ? "1:16:4" : "1:24:16") && packet.destination !== undefined) {
    return Buffer.from(packet.destination);
  }
  return undefined;
}

/** State, direction, status. */
function connectionOf(packet: TestPacket, key: number): Buffer | undefined {
  if (key === 0) return word(8);
  if (key === 1) return word(0);
  if (key === 2) return word(packet.isTranslated ? 0x20 : 0);
  return undefined;
}

function bitwise(registers: Registers, step: Expression): Match {
  const length = number(step, 3);
  const value = read(registers, number(step, 1), length);
  const mask = parseData(step.attributes.get(4)).value;
  const flip = parseData(step.attributes.get(5)).value;
  const result =
    value === undefined || mask === undefined || flip === undefined
      ? undefined
      : Buffer.from(value.map((byte, at) => (byte & (mask[at] ?? 0)) ^ (flip[at] ?? 0)));
  return load(registers, step, result, 2);
}

function compare(registers: Registers, step: Expression): Match {
  const wanted = parseData(step.attributes.get(3)).value;
  const value = wanted === undefined ? undefined : read(registers, number(step, 1), wanted.length);
  if (value === undefined || wanted === undefined) return "maybe";
  const order = Buffer.compare(value, wanted);
  const isTrue = [order === 0, order !== 0, order < 0, order <= 0, order > 0, order >= 0][number(step, 2)];
  return isTrue === true ? "yes" : "no";
}

function range(registers: Registers, step: Expression): Match {
  const from = parseData(step.attributes.get(3)).value;
  const to = parseData(step.attributes.get(4)).value;
  const value = from === undefined ? undefined : read(registers, number(step, 1), from.length);
  if (value === undefined || from === undefined || to === undefined) return "maybe";
  const isInside = Buffer.compare(value, from) >= 0 && Buffer.compare(value, to) <= 0;
  return isInside === (number(step, 2) === 0) ? "yes" : "no";
}

function lookUp(registers: Registers, step: Expression, sets: readonly FirewallSetCopy[]): StepResult {
  const name = step.attributes.get(1)?.toString("utf8").replace(/\0.*$/s, "");
  const set = sets.find((each) => each.name === name);
  const isInverted = (number(step, 5) & 1) !== 0;
  const giving = step.attributes.get(3)?.readUInt32BE(0);
  if (set === undefined) return "maybe";
  const length = set.elements[0]?.key.length ?? 0;
  const key = read(registers, number(step, 2), length);
  if (key === undefined) {
    if (set.elements.length === 0) return isInverted ? "yes" : "no";
    if (giving === 0)
      return { verdicts: set.elements.flatMap((member) => member.verdict ?? []), isSure: false };
    if (giving !== undefined) load(registers, step, undefined, 3);
    return "maybe";
  }
  const member = findMember(set, key);
  if (isInverted) return member === undefined ? "yes" : "no";
  if (member === undefined) return "no";
  if (giving === 0) return { verdicts: member.verdict === undefined ? [] : [member.verdict], isSure: true };
  if (giving !== undefined) load(registers, step, member.data, 3);
  return "yes";
}

const INTERVAL_END = 1;
const CATCH_ALL = 2;

function findMember(
  { elements }: FirewallSetCopy,
  key: Buffer,
): FirewallSetCopy["elements"][number] | undefined {
  const exact = elements.find(
    (each) =>
      (each.flags & (INTERVAL_END | CATCH_ALL)) === 0 &&
      (each.keyEnd === undefined ? each.key.equals(key) : isWithin(key, each.key, each.keyEnd)),
  );
  if (exact !== undefined) return exact;
  // Intervals of one field: a start, and an end as an element of its own.
  if (elements.some((each) => (each.flags & INTERVAL_END) !== 0)) {
    const below = elements
      .filter((each) => Buffer.compare(each.key, key) <= 0)
      .sort(
        (one, other) =>
          Buffer.compare(other.key, one.key) || (one.flags & INTERVAL_END) - (other.flags & INTERVAL_END),
      )[0];
    if (below !== undefined && (below.flags & INTERVAL_END) === 0) return below;
  }
  return elements.find((each) => (each.flags & CATCH_ALL) !== 0);
}

/**
 * Each word by itself: fields of a concatenation. An address of several words is one field, whose bounds agree but for
 * its last bits.
 */
function isWithin(key: Buffer, first: Buffer, last: Buffer): boolean {
  for (let at = 0; at < key.length; at += 4) {
    const part = key.subarray(at, at + 4);
    if (Buffer.compare(part, first.subarray(at, at + 4)) < 0) return false;
    if (Buffer.compare(part, last.subarray(at, at + 4)) > 0) return false;
  }
  return true;
}
