import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { elementText } from "../../../src/linux/nftables/nftables.ts";
import { type FirewallChain, type FirewallRule } from "../../../src/linux/nftables/rules.ts";
import {
  connection,
  giveVerdict,
  hasConnectionBit,
  isToThisHost,
} from "../../../src/linux/nftables/expressions.ts";
import {
  endpointElements,
  networkElements,
  shiftedPieces,
  standInElements,
} from "../../../src/network/firewall/elements.ts";
import { buildTable } from "../../../src/network/firewall/ruleset.ts";
import { describeReach } from "../../../src/network/policy/describe-reach.ts";
import { portRanges } from "../../../src/network/policy/host-rule-copy.ts";
import { evaluatePacket } from "../../../src/network/policy/evaluate-packet.ts";
import { copyChains } from "../../../src/network/policy/copy-chains.ts";
import { bridgePlan, endpointPlan, ports } from "../../support/network-plans.ts";
import type { TestPacket } from "../../../src/network/policy/test-packet.ts";

const plan = bridgePlan("front", 1);
const sets = (...texts: readonly string[]): readonly string[] =>
  endpointElements(plan, endpointPlan(plan, 2, { ports: ports(...texts) })).map(({ set }) => set);

describe("elements", () => {
  test("endpointElements() has one element a set for a range of any size that keeps its numbers", () => {
    expect(sets("tcp 9000+1000:9000")).toEqual(["same4", "loop4", "same6", "loop6"]);
    expect(sets("tcp 127.0.0.1:80:80")).toEqual(["sameAt4", "loop4"]);
    expect(sets("tcp 10.9.0.1:80:80")).toEqual(["sameAt4"]);
    expect(sets("udp [::1]:80:81")).toEqual(["movedAt6", "loop6"]);
  });

  test("endpointElements() has one element for a shifted range that begins at a multiple of its size, else a few", () => {
    expect(sets("tcp 8000+1000:9000")).toEqual(["shifted4", "loop4", "shifted6", "loop6"]);
    expect(sets("tcp 10.9.0.1:8000+1000:9000")).toEqual(["shiftedAt4"]);
    expect(sets("tcp 10.9.0.1:9001+3:80")).toEqual(["movedAt4", "shiftedAt4"]);
    expect(sets("udp [::1]:80:81")).toEqual(["movedAt6", "loop6"]);
  });

  test("shiftedPieces() are the whole range, each beginning at a multiple of its size, and never many", () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(port, port, fc.integer({ min: 1, max: 65_535 }), (hostPort, containerPort, wanted) => {
        const count = Math.min(wanted, 65_536 - hostPort, 65_536 - containerPort);
        const pieces = shiftedPieces({ hostPort, containerPort, count });
        let done = 0;
        for (const piece of pieces) {
          expect(piece.hostPort).toBe(hostPort + done);
          expect(piece.containerPort).toBe(containerPort + done);
          expect(piece.hostPort % piece.count).toBe(0);
          done += piece.count;
        }
        expect(done).toBe(count);
        expect(pieces.length).toBeLessThanOrEqual(32);
      }),
      { numRuns: 2_000 },
    );
  });

  test("endpointElements() publishes nothing for internal networks and macvlan", () => {
    const end = endpointPlan(plan, 2, { ports: ports("tcp 80:80") });
    expect(endpointElements({ ...plan, internal: true }, end)).toEqual([]);
    expect(endpointElements({ ...plan, driver: "macvlan" }, end)).toEqual([]);
    expect(networkElements({ ...plan, driver: "macvlan" })).toEqual([]);
  });

  test("buildTable() has what keeps networks apart in the transaction that makes the table", () => {
    const elements = networkElements({ ...plan, internal: true });
    const { sets } = buildTable({ family: "inet", table: "tare-0" }, elements);
    for (const set of ["bridges", "siblings", "internal"])
      expect(sets.find(({ name }) => name === set)?.elements).toHaveLength(1);
    expect(sets.flatMap((set) => set.elements)).toHaveLength(elements.length);
  });

  test("networks' elements never meet, and are the same for the same plan", () => {
    const of = (number: number): readonly string[] =>
      networkElements(bridgePlan(`n${number}`, number)).map(elementText);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 250 }), fc.integer({ min: 1, max: 250 }), (one, other) => {
        const ends = (text: string): boolean => !text.endsWith("]");
        const common = of(one).filter((text) => of(other).includes(text) && ends(text));
        expect(common.length > 0).toBe(one === other);
      }),
    );
    expect(standInElements([{ ...plan, subnets: [] }])).toEqual([]);
  });

  test("portRanges() joins what overlaps, by protocol", () => {
    const shown = portRanges(
      ports("tcp 10+5:1", "tcp 12+10:1", "udp 12:1", "tcp 40:1", "tcp 127.0.0.1:41:1"),
    ).map(
      ({ key, keyEnd }) =>
        `${key[0]} ${Buffer.from(key).readUInt16BE(4)}-${Buffer.from(keyEnd).readUInt16BE(4)}`,
    );
    expect(shown).toEqual(["6 10-21", "6 40-41", "17 12-12"]);
  });
});

describe("judgement", () => {
  const base: FirewallChain = {
    family: "inet",
    table: "filter",
    chain: "input",
    type: "filter",
    policy: "drop",
    hook: { number: 1, priority: 0 },
  };
  const packet: TestPacket = {
    family: 4,
    protocol: 6,
    inInterface: { name: "eth0", index: 2 },
    destinationPort: 80,
    isTranslated: false,
  };
  const rule = (chain: string, ...expressions: FirewallRule["expressions"]): FirewallRule => ({
    chain,
    expressions,
  });
  const evaluate = (...rules: readonly FirewallRule[]): string => {
    const { mayPass, mayBeRefused } = evaluatePacket(base, { rules, sets: [] }, packet);
    return mayPass && mayBeRefused ? "depends" : mayPass ? "passes" : "refused";
  };
  const accept = giveVerdict({ kind: "accept" });
  const limit = { name: "limit", raw: new Uint8Array(), attributes: new Map<number, Buffer>() };

  test("evaluatePacket() follows verdicts, chains and policy, and knows what it does not know", () => {
    expect(evaluate()).toBe("refused");
    expect(evaluate(rule("input", accept))).toBe("passes");
    expect(evaluate(rule("input", limit, accept))).toBe("depends");
    expect(evaluate(rule("input", ...hasConnectionBit("state", connection.isNew), accept))).toBe("passes");
    expect(evaluate(rule("input", ...isToThisHost(), accept))).toBe("passes");
    const jump = rule("input", giveVerdict({ kind: "jump", chain: "inner" }));
    expect(evaluate(jump, rule("inner", giveVerdict({ kind: "return" })), rule("input", accept))).toBe(
      "passes",
    );
    const goes = rule("input", giveVerdict({ kind: "goto", chain: "inner" }));
    expect(evaluate(goes, rule("inner", giveVerdict({ kind: "return" })), rule("input", accept))).toBe(
      "refused",
    );
    // A chain that calls itself, which the kernel would not take.
    expect(evaluate(rule("input", giveVerdict({ kind: "jump", chain: "input" })))).toBe("refused");
  });

  test("mirrorChains() copies what it knows, leaves out what would let pass, and refuses the rest", () => {
    const odd = { name: "frobnicate", raw: new Uint8Array(), attributes: new Map<number, Buffer>() };
    const counter = { ...odd, name: "counter" };
    const drop = giveVerdict({ kind: "drop" });
    const rules: readonly FirewallRule[] = [
      { chain: "input", handle: 1, expressions: [counter, accept] },
      { chain: "input", handle: 2, expressions: [odd, accept] },
      { chain: "input", handle: 3, expressions: [odd, drop] },
      { chain: "input", handle: 4, expressions: [giveVerdict({ kind: "jump", chain: "inner" })] },
      { chain: "inner", handle: 5, expressions: [accept] },
      { chain: "output", handle: 6, expressions: [odd, drop] },
    ];
    const copy = copyChains(base, { rules, sets: [], refused: new Set([5]) });
    expect(copy.chains).toEqual(["input", "inner"]);
    expect(copy.closed).toEqual(["rule 3 of inet filter input"]);
    expect(
      copy.rules.map(({ handle, expressions }) => [handle, expressions.map(({ name }) => name)]),
    ).toEqual([
      [1, ["immediate"]],
      [undefined, ["immediate"]],
      [4, ["immediate"]],
    ]);
  });

  test("describeReach() summarizes it in a few words, however many interfaces there are", () => {
    const [anywhere, mine] = ports("tcp 80:80", "tcp 127.0.0.1:80:80");
    const on = (count: number, refusedBy: readonly string[] = [], doubtedBy: readonly string[] = []) =>
      Array.from({ length: count }, (_, index) => ({ name: `eth${index}`, refusedBy, doubtedBy }));
    const summary = (
      interfaces: Parameters<typeof describeReach>[1]["interfaces"],
      { which = anywhere, isInternal = false } = {},
    ): string => describeReach(which as never, { interfaces, isInternal }).summary;
    expect(summary(on(18))).toBe("from anywhere");
    expect(summary(on(1))).toBe("from eth0");
    expect(summary([...on(3), ...on(2, ["inet f input"])])).toBe("from 3 networks");
    expect(summary([...on(3), ...on(2, [], ["ip f INPUT"])])).toBe("from anywhere for some senders");
    expect(summary(on(18, ["inet f input"]))).toBe("from this host only");
    expect(summary(on(18), { which: mine })).toBe("from this host only");
    expect(summary(on(18), { isInternal: true })).toBe("from nowhere");
  });

  test("describeReach() says it in one clause", () => {
    const [anywhere, mine] = ports("tcp 80:80", "tcp 127.0.0.1:80:80");
    const on = (name: string, refusedBy: readonly string[] = [], doubtedBy: readonly string[] = []) => ({
      name,
      refusedBy,
      doubtedBy,
    });
    const text = (interfaces: Parameters<typeof describeReach>[1]["interfaces"], which = anywhere): string =>
      describeReach(which as never, { interfaces, isInternal: false }).text;
    expect(text([on("eth0"), on("eth1")])).toBe("from eth0, eth1");
    expect(text([on("eth0")], mine)).toBe("from this host only");
    expect(text([on("eth0", ["inet f input"])])).toBe("from this host only (blocked by inet f input)");
    expect(text([on("eth0"), on("eth1", ["inet f input"])])).toBe(
      "from eth0 (elsewhere blocked by inet f input)",
    );
    expect(text([on("eth0", [], ["ip f INPUT"])])).toBe("from eth0 (for some senders: see ip f INPUT)");
    expect(describeReach(anywhere as never, { interfaces: [], isInternal: true }).text).toBe(
      "from nowhere: its network is internal",
    );
  });
});
