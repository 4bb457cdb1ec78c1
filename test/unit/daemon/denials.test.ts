import { expect, test } from "bun:test";
import { containerInspectOf } from "../../../src/daemon/map/container-inspect.ts";
import type { Denial } from "../../../src/model/denials.ts";
import { containerDetailsOf } from "../../../src/library/inspect-reply.ts";
import { FakeEngine } from "./fake-engine.ts";

const denials: readonly Denial[] = [
  {
    call: "mount",
    architecture: "SCMP_ARCH_X86_64",
    args: [1n, 2n ** 64n - 1n, 0n, 0n, 0n, 0n],
    text: "/mnt",
    error: "EPERM",
    by: "the default profile",
    advice: "--cap-add SYS_ADMIN",
    count: 3,
    firstAt: 1_700_000_000_123,
    lastAt: 1_700_000_001_000,
    pid: 12,
    execId: "ab12",
  },
  {
    call: "call 9999",
    architecture: "SCMP_ARCH_AARCH64",
    args: [],
    by: "the kernel (it needs CAP_MKNOD)",
    advice: "--cap-add MKNOD",
    count: 1,
    firstAt: 1_700_000_000_000,
    lastAt: 1_700_000_000_000,
    pid: 0,
  },
];

test("what was watched goes through the API and back unchanged", async () => {
  const engine = new FakeEngine();
  const { id } = await engine.containers.create({
    image: "busybox",
    isolation: { explainDenials: true, recordCalls: true },
  });
  const plain = await engine.containers.inspect(id);
  const watched = { denials, unrecordedCalls: 5, recordedProfile: "{}\n" };
  const reply = JSON.parse(JSON.stringify(containerInspectOf({ ...plain, ...watched })));
  expect(reply.HostConfig.SecurityOpt).toEqual(["explain-denials"]);
  expect(reply.HostConfig.Tare).toEqual({ RecordCalls: true });
  const back = containerDetailsOf(reply, plain.imageConfig);
  expect(back).toMatchObject(watched);
  expect(back.denials).toEqual(denials);
  expect(back.spec).toMatchObject({ isolation: { explainDenials: true, recordCalls: true } });
  const unwatched = containerDetailsOf(
    JSON.parse(JSON.stringify(containerInspectOf(plain))),
    plain.imageConfig,
  );
  expect(Object.keys(unwatched)).not.toContain("denials");
});
