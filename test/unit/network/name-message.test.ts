import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  decodeQuery,
  encodeFailure,
  encodeName,
  encodeReply,
  isReplyTo,
  type Query,
  recordType,
  withId,
} from "../../../src/network/dns/message.ts";
import { queryBytes } from "../../support/dns-query.ts";

function decoded(bytes: Uint8Array): Query {
  const query = decodeQuery(bytes);
  if (query === undefined || "code" in query) throw new Error("it was not understood");
  return query;
}

describe("decodeQuery()", () => {
  test("reads name, type and what the asker can take", () => {
    const query = decoded(queryBytes({ id: 7, name: "WeB.Front", type: 28, udpBytes: 4096 }));
    expect(query).toMatchObject({ id: 7, name: "web.front", type: 28, udpBytes: 4096, extended: true });
    const plain = decoded(queryBytes({ id: 8, name: "web", type: 1 }));
    expect(plain).toMatchObject({ udpBytes: 512, extended: false, recursionDesired: true, class: 1 });
  });

  test("announced sizes below 512 bytes are 512", () => {
    expect(decoded(queryBytes({ id: 1, name: "a", type: 1, udpBytes: 100 })).udpBytes).toBe(512);
  });

  test("the root is a name without labels", () => {
    expect(decoded(queryBytes({ id: 1, name: "", type: 2 })).name).toBe("");
  });

  test("bytes that are no plain characters can't be taken for a dot", () => {
    const bytes = queryBytes({ id: 1, name: "a_b", type: 1 });
    bytes[14] = 0x2e;
    expect(decoded(bytes).name).toBe("a\\046b");
  });

  test.each([
    ["two questions", (bytes: Uint8Array) => (bytes[5] = 2), 1],
    ["another operation", (bytes: Uint8Array) => (bytes[2] = 0x28), 4],
    ["a compressed name", (bytes: Uint8Array) => (bytes[12] = 0xc0), 1],
    ["a label beyond the end", (bytes: Uint8Array) => (bytes[12] = 60), 1],
  ])("answers %s with a code", (_, change, code) => {
    const bytes = queryBytes({ id: 3, name: "web", type: 1 });
    change(bytes);
    expect(decodeQuery(bytes)).toEqual({ id: 3, code });
    expect([...encodeFailure({ id: 3, code })]).toEqual([0, 3, 0x80, 0x80 | code, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("a reply, or less than a header, is not answered", () => {
    const bytes = queryBytes({ id: 3, name: "web", type: 1 });
    bytes[2] = 0x80;
    expect(decodeQuery(bytes)).toBeUndefined();
    expect(decodeQuery(bytes.subarray(0, 11))).toBeUndefined();
  });

  test("never throws, and what it reads can be answered", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, isQuery) => {
        if (isQuery && bytes.length > 5) bytes.set([0, 0, 0, 1], 2);
        const query = decodeQuery(bytes);
        if (query === undefined || "code" in query) return;
        const reply = encodeReply(query, { code: 0, answers: [], ttlSeconds: 1 }, query.udpBytes);
        expect(isReplyTo(reply, query)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("encodeReply()", () => {
  const answers = Array.from({ length: 60 }, (_, at) => ({
    type: recordType.A,
    data: Uint8Array.of(10, 0, 0, at),
  }));

  test("what does not fit is left out, and it says so", () => {
    const query = decoded(queryBytes({ id: 3, name: "many", type: 1 }));
    const cut = encodeReply(query, { code: 0, answers, ttlSeconds: 5 }, 512);
    expect(cut.length).toBeLessThanOrEqual(512);
    expect((cut[2] as number) & 0x02).toBe(0x02);
    const whole = encodeReply(query, { code: 0, answers, ttlSeconds: 5 }, 0xffff);
    expect((whole[2] as number) & 0x02).toBe(0);
    expect(whole[7]).toBe(60);
  });

  test("who brings an OPT record gets one", () => {
    const query = decoded(queryBytes({ id: 3, name: "web", type: 1, udpBytes: 1232 }));
    const reply = encodeReply(query, { code: 0, answers: answers.slice(0, 1), ttlSeconds: 5 }, 1232);
    expect([...reply.subarray(-11)]).toEqual([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
  });
});

describe("isReplyTo()", () => {
  const question = decoded(queryBytes({ id: 9, name: "web", type: 1 })).question;
  const reply = Uint8Array.from(queryBytes({ id: 9, name: "WEB", type: 1 }));
  reply[2] = 0x81;

  test("takes the same question in other capitals", () => {
    expect(isReplyTo(reply, { id: 9, question })).toBe(true);
  });

  test("refuses another id, another question, a query", () => {
    expect(isReplyTo(withId(reply, 10), { id: 9, question })).toBe(false);
    const other = Uint8Array.from(queryBytes({ id: 9, name: "wob", type: 1 }));
    other[2] = 0x81;
    expect(isReplyTo(other, { id: 9, question })).toBe(false);
    expect(isReplyTo(queryBytes({ id: 9, name: "web", type: 1 }), { id: 9, question })).toBe(false);
  });
});

test("encodeName() refuses what is no name", () => {
  expect(encodeName("web.net")).toEqual(Uint8Array.of(3, 119, 101, 98, 3, 110, 101, 116, 0));
  for (const name of ["", "a..b", "x".repeat(64), `${"abcdefg.".repeat(40)}x`])
    expect(encodeName(name)).toBeUndefined();
});
