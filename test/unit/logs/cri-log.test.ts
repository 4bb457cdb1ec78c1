import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CriEncoder } from "../../../src/logs/drivers/cri-encoder.ts";
import { FileTransport } from "../../../src/logs/transports/file-transport.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tare-cri-log-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const text = (pieces: readonly Uint8Array[]): string => Buffer.concat(pieces).toString();

test("CriEncoder writes the time with nine digits, the stream and whether the line goes on", () => {
  const encoder = new CriEncoder();
  const message = { stream: "stderr", timeNs: 1_796_300_014_000_000_042n, line: Buffer.from("a b") } as const;
  const part = (isLast: boolean) => ({ id: "x", ordinal: 1, isLast });
  expect(text(encoder.encode({ ...message, partial: undefined }))).toBe(
    "2026-12-03T12:13:34.000000042Z stderr F a b\n",
  );
  expect(text(encoder.encode({ ...message, partial: part(false) }))).toContain(" stderr P a b\n");
  expect(text(encoder.encode({ ...message, partial: part(true) }))).toContain(" stderr F a b\n");
  expect(
    text(encoder.encode({ ...message, stream: "stdout", line: new Uint8Array(), partial: undefined })),
  ).toEndWith("Z stdout F \n");
});

test("FileTransport appends, and begins a new file when its file was renamed or removed", async () => {
  const path = join(directory, "0.log");
  using transport = new FileTransport(path);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  await transport.send([Buffer.from("one\n"), Buffer.from("two\n")]);
  renameSync(path, `${path}.1`);
  await transport.send([Buffer.from("three\n")]);
  unlinkSync(path);
  await transport.send([Buffer.from("four\n")]);
  expect(readFileSync(`${path}.1`, "utf8")).toBe("one\ntwo\n");
  expect(readFileSync(path, "utf8")).toBe("four\n");
  using second = new FileTransport(path);
  await second.send([Buffer.from("five\n")]);
  expect(readFileSync(path, "utf8")).toBe("four\nfive\n");
});

test("FileTransport refuses a link, a FIFO and a directory that is not there", async () => {
  const at = (name: string): string => join(directory, name);
  symlinkSync(at("target"), at("link"));
  execFileSync("mkfifo", [at("fifo")]);
  for (const name of ["link", "fifo", "absent/0.log"]) expect(() => new FileTransport(at(name))).toThrow();
  using transport = new FileTransport(at("gone.log"));
  unlinkSync(at("gone.log"));
  symlinkSync(at("target"), at("gone.log"));
  await expect(transport.send([Buffer.from("x")])).rejects.toThrow("the log file cannot be written");
  expect(transport.findFailure()?.kind).toBe("unavailable");
  await expect(transport.send([Buffer.from("x")])).rejects.toThrow("the log file cannot be written");
});
