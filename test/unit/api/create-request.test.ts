import { expect, test } from "bun:test";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";

test("parseCreateRequest() takes limits next to the configuration where HostConfig has none", () => {
  const old = { Image: "x", Memory: 67_108_864, MemorySwap: -1, CpuShares: 512, Cpuset: "0" };
  const limits = { Memory: 67_108_864, MemorySwap: -1, CpuShares: 512, CpusetCpus: "0" };
  expect(parseCreateRequest(old).hostConfig).toEqual(limits);
  expect(parseCreateRequest({ ...old, HostConfig: { Memory: 0, CpuShares: 2 } }).hostConfig).toEqual({
    ...limits,
    CpuShares: 2,
  });
  expect(parseCreateRequest({ Image: "x" }).hostConfig).toEqual({});
  expect(() => parseCreateRequest({ Image: "x", Memory: "much" })).toThrow("Memory");
});
