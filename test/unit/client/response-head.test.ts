import { describe, expect, test } from "bun:test";
import { framingOf, parseResponseHead } from "../../../src/client/http/response-head.ts";

function parse(...lines: readonly string[]) {
  return parseResponseHead(`${lines.join("\r\n")}\r\n\r\n`);
}

describe("parseResponseHead()", () => {
  test("it reads status, reason and headers in any case", () => {
    const head = parse("HTTP/1.1 404 Not Found", "Content-TYPE:application/json ", "X-A: 1", "x-a: 2");
    expect([head.status, head.reason, head.keepAlive]).toEqual([404, "Not Found", true]);
    expect([...head.headers]).toEqual([
      ["content-type", "application/json"],
      ["x-a", "1, 2"],
    ]);
  });

  test.each([
    [["HTTP/1.1 200 OK", "Connection: close"], false],
    [["HTTP/1.1 200 OK", "Connection: keep-alive, Close"], false],
    [["HTTP/1.0 200 OK"], false],
    [["HTTP/1.1 200"], true],
  ] as const)("it knows whether %p keeps the connection", (lines, keepAlive) => {
    expect(parse(...lines).keepAlive).toBe(keepAlive);
  });

  test.each([
    ["HTTP/2 200 OK"],
    ["HTTP/1.1 99 Low"],
    ["HTTP/1.1 2000 Long"],
    ["ICY 200 OK"],
    [""],
    ["HTTP/1.1 200 OK", " folded: x"],
    ["HTTP/1.1 200 OK", "no colon"],
    ["HTTP/1.1 200 OK", "sp ace: x"],
    ["HTTP/1.1 200 OK", "a : x"],
    ["HTTP/1.1 200 OK", "a: b\nc: d"],
    ["HTTP/1.1 200 OK", "a: \0"],
    ["HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"],
  ] as readonly (readonly string[])[])("it refuses %p", (...lines) => {
    expect(() => parse(...lines.filter((line) => typeof line === "string"))).toThrow(
      "cannot read the daemon's reply",
    );
  });
});

describe("framingOf()", () => {
  test.each([
    ["GET", ["HTTP/1.1 200 OK", "Content-Length: 5"], { kind: "length", bytes: 5 }],
    ["GET", ["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"], { kind: "chunked" }],
    ["GET", ["HTTP/1.1 200 OK"], { kind: "until-close" }],
    ["HEAD", ["HTTP/1.1 200 OK", "Content-Length: 5"], { kind: "none" }],
    ["POST", ["HTTP/1.1 204 No Content"], { kind: "none" }],
    ["POST", ["HTTP/1.1 304 Not Modified"], { kind: "none" }],
    ["POST", ["HTTP/1.1 101 UPGRADED"], { kind: "none" }],
  ] as const)("%s %p", (method, lines, framing) => {
    expect(framingOf(parse(...lines), method)).toEqual(framing);
  });

  test.each([
    ["Content-Length: 1", "Transfer-Encoding: chunked"],
    ["Content-Length: -1"],
    ["Content-Length: 1e3"],
    ["Content-Length: 99999999999999999999"],
    ["Transfer-Encoding: gzip, chunked"],
  ] as readonly (readonly string[])[])("it refuses %p", (...lines) => {
    const texts = lines.filter((line) => typeof line === "string");
    expect(() => framingOf(parse("HTTP/1.1 200 OK", ...texts), "GET")).toThrow(
      "cannot read the daemon's reply",
    );
  });
});
