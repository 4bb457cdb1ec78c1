import { describe, expect, test } from "bun:test";
import { Duplex, duplexPair } from "node:stream";
import { WebSocketDuplex } from "../../../src/daemon/http/web-socket-duplex.ts";
import { framesOf, maskedFrame } from "../../support/web-socket-frames.ts";
import { poll } from "../../support/patience.ts";

/** A client's end, and the frames that it has got. */
function open(frames: "text" | "binary"): {
  readonly duplex: WebSocketDuplex;
  readonly client: Duplex;
  readonly got: () => readonly (readonly [opcode: number, text: string])[];
} {
  const [client, server] = duplexPair();
  const pieces: Buffer[] = [];
  client.on("data", (piece: Buffer) => pieces.push(piece));
  const duplex = new WebSocketDuplex(server, { frames });
  const got = (): readonly (readonly [number, string])[] =>
    framesOf(Buffer.concat(pieces)).map(({ opcode, bytes }) => [opcode, bytes.toString("latin1")]);
  return { duplex, client, got };
}

const until = (what: string, is: () => boolean): Promise<true> =>
  poll(() => (is() ? true : undefined), { timeoutMs: 10_000, what });

describe("WebSocketDuplex", () => {
  test("carries bytes both ways, and closes with 1000 at its end", async () => {
    const { duplex, client, got } = open("binary");
    const input: Buffer[] = [];
    duplex.on("data", (piece: Buffer) => input.push(piece));
    client.write(
      Buffer.concat([maskedFrame({ opcode: 1, text: "in" }), maskedFrame({ opcode: 9, text: "p" })]),
    );
    duplex.write(Buffer.from([0xff, 0x00]));
    duplex.end();
    await until("close", () => got().length === 3);
    expect(Buffer.concat(input).toString()).toBe("in");
    expect(new Map(got())).toEqual(
      new Map([
        [10, "p"],
        [2, "\xff\x00"],
        [8, "\x03\xe8"],
      ]),
    );
  });

  test("answers the client's closing with its code, and ends its input", async () => {
    const { duplex, client, got } = open("binary");
    let hasEnded = false;
    duplex.on("end", () => (hasEnded = true)).resume();
    client.write(maskedFrame({ opcode: 8, text: "\x03\xe9" }));
    await until("end", () => hasEnded);
    duplex.end(Buffer.from("too late"));
    await until("close", () => got().length > 0);
    expect(got()).toEqual([[8, "\x03\xe9"]]);
  });

  test("closes with 1002 after a malformed frame, and takes nothing more", async () => {
    const { duplex, client, got } = open("binary");
    const input: Buffer[] = [];
    duplex.on("data", (piece: Buffer) => input.push(piece));
    client.write(maskedFrame({ opcode: 1, text: "good" }));
    client.write(Buffer.from([0x81, 0x03, 1, 2, 3]));
    client.write(maskedFrame({ opcode: 1, text: "ignored" }));
    await until("close", () => got().length > 0);
    expect(got()).toEqual([[8, "\x03\xea"]]);
    expect(Buffer.concat(input).toString()).toBe("good");
  });

  test("cuts no character in text frames, and replaces what is none", async () => {
    const { duplex, got } = open("text");
    const euro = Buffer.from("€");
    duplex.write(euro.subarray(0, 1));
    duplex.write(Buffer.concat([euro.subarray(1), Buffer.from([0xff])]));
    duplex.end(euro.subarray(0, 2));
    await until("close", () => got().some(([opcode]) => opcode === 8));
    const texts = got().filter(([opcode]) => opcode === 1);
    expect(texts.map(([, text]) => Buffer.from(text, "latin1").toString())).toEqual(["€\ufffd", "\ufffd"]);
  });

  test("stops reading for a client that takes nothing, and for a program that takes nothing", async () => {
    let taken = 0;
    const pings = maskedFrame({ opcode: 9, text: "x".repeat(125) });
    const stuck = new Duplex({
      read() {
        taken++;
        setImmediate(() => this.push(pings));
      },
      write: () => {}, // never done
    });
    const duplex = new WebSocketDuplex(stuck, { frames: "binary" });
    duplex.resume();
    await settled(() => taken);
    expect(stuck.writableLength).toBeLessThan(256 * 1024);
    let sent = 0;
    const data = maskedFrame({ opcode: 2, text: "z".repeat(60_000) });
    const eager = new Duplex({
      read() {
        sent++;
        setImmediate(() => this.push(data));
      },
      write: (_, __, done) => done(),
    });
    const unread = new WebSocketDuplex(eager, { frames: "binary" });
    await settled(() => sent);
    expect(unread.readableLength).toBeLessThan(256 * 1024);
    expect(sent).toBeLessThan(10);
    duplex.destroy();
    unread.destroy();
  });
});

/** Until it does not change for twenty turns of the event loop. */
async function settled(value: () => number): Promise<void> {
  let before = -1;
  for (let same = 0; same < 20; same = value() === before ? same + 1 : 0) {
    before = value();
    for (let turn = 0; turn < 5; turn++) await new Promise((resume) => setImmediate(resume));
  }
}
