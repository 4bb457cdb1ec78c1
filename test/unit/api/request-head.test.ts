import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BodyDecoder } from "../../../src/daemon/http/body-decoder.ts";
import { parseRequestHead } from "../../../src/api/http/request-head.ts";

const head = (...lines: readonly string[]): ReturnType<typeof parseRequestHead> =>
  parseRequestHead(["POST /v1.51/x?a=b HTTP/1.1", ...lines].join("\r\n"));

describe("parseRequestHead()", () => {
  test("reads the line and the fields, names without case", () => {
    const read = head("HOST: docker", "X-One:a", "x-one:  b  ", "Content-Length: 12");
    expect(read).toMatchObject({ method: "POST", url: "/v1.51/x?a=b", minorVersion: 1, keepsAlive: true });
    expect(read.headers.get("x-one")).toBe("a, b");
    expect(read.body).toEqual({ kind: "length", bytes: 12 });
    expect(read.isUpgrade).toBe(false);
  });

  test.each([
    [["Host: x", "Connection: close"], { keepsAlive: false }],
    [["Host: x", "Connection: keep-alive, Close"], { keepsAlive: false }],
    [["Host: x", "Upgrade: tcp"], { isUpgrade: true, keepsAlive: false }],
    [["Host: x", "Transfer-Encoding: Chunked"], { body: { kind: "chunked" } }],
    [["Host: x", "Content-Length: 0"], { body: { kind: "none" } }],
    [["Host: x", "Expect: 100-Continue"], { expectsContinue: true }],
  ])("%p gives %p", (lines, expected) => {
    expect(head(...lines)).toMatchObject(expected);
  });

  test("a name of an outside header is only a name", () => {
    expect(head("Host: x", "constructor: y").headers.get("constructor")).toBe("y");
    expect(head("Host: x").headers.get("constructor")).toBeUndefined();
  });

  test.each([
    "GET /x HTTP/1.1",
    "GET /x HTTP/2.0\r\nHost: x",
    "GET  /x HTTP/1.1\r\nHost: x",
    "get /x HTTP/1.1\r\nHost: x",
    "GET x HTTP/1.1\r\nHost: x",
    "GET /x HTTP/1.1\r\nHost: x\r\nHost: y",
    "GET /x HTTP/1.1\r\nHost: x\r\n folded: y",
    "GET /x HTTP/1.1\r\nHost : x",
    "GET /x HTTP/1.1\nHost: x",
    "GET /x HTTP/1.1\r\nHost: x\r\nA: b\nc: d",
    "GET /x HTTP/1.1\r\nHost: x\r\nA: b\0",
    "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5",
    "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1",
    "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked",
    "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked",
  ])("%p is refused", (text) => {
    expect(() => parseRequestHead(text)).toThrow("cannot read the request");
  });

  test("any text is read or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          parseRequestHead(text);
        } catch (thrown) {
          expect(thrown).toMatchObject({ kind: "invalid" });
        }
      }),
    );
  });
});

describe("BodyDecoder", () => {
  /** In pieces of the given sizes, the last of which repeats. */
  function decode(bytes: Buffer, sizes: readonly number[], chunked: boolean): readonly [string, string] {
    const decoder = new BodyDecoder(chunked ? { kind: "chunked" } : { kind: "length", bytes: 6 });
    const taken: Buffer[] = [];
    let rest = Buffer.alloc(0);
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      const piece = bytes.subarray(at, at + size);
      at += size;
      rest = Buffer.concat([rest, decoder.push(piece, (each) => taken.push(Buffer.from(each)))]);
    }
    expect(decoder.isDone).toBe(true);
    return [Buffer.concat(taken).toString(), rest.toString()];
  }

  test("finds the same body and the same rest, however the bytes are cut", () => {
    const chunks = Buffer.from('4\r\nwiki\r\n2;x="y"\r\npe\r\n0\r\nTrailer: z\r\n\r\nnext\r\n');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        expect(decode(chunks, sizes, true)).toEqual(["wikipe", "next\r\n"]);
        expect(decode(Buffer.from("wikipenext"), sizes, false)).toEqual(["wikipe", "next"]);
      }),
    );
  });

  test.each([
    "x\r\n",
    "4\nwiki",
    "4\r\nwikix\r\n",
    "-1\r\n",
    "fffffffffffff\r\n",
    `1;${"x".repeat(5000)}`,
    " 4\r\n",
  ])("the chunk %p is refused", (text) => {
    const decoder = new BodyDecoder({ kind: "chunked" });
    expect(() => decoder.push(Buffer.from(text), () => {})).toThrow("malformed");
  });

  test("fields behind the last chunk are bounded", () => {
    const decoder = new BodyDecoder({ kind: "chunked" });
    expect(() => decoder.push(Buffer.from(`0\r\n${"A: b\r\n".repeat(100)}`), () => {})).toThrow("malformed");
  });
});
