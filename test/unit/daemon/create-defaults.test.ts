import { describe, expect, test } from "bun:test";
import {
  applyRecordedDefaults,
  applyUnrecordedDefaults,
  type CreateDefaults,
} from "../../../src/daemon/create-defaults.ts";
import type { HostConfig } from "../../../src/api/types/host-config.ts";

const defaults: CreateDefaults = {
  init: true,
  noNewPrivileges: true,
  shmBytes: 1000,
  ipcMode: "shareable",
  cgroupnsMode: "host",
  ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
  log: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } },
  dns: ["1.1.1.1"],
};

function recorded(hostConfig: HostConfig, given: CreateDefaults = defaults): HostConfig {
  return applyRecordedDefaults({ config: {}, hostConfig, networkingConfig: {} }, given).hostConfig;
}

describe("applyRecordedDefaults()", () => {
  test("fills what a request leaves open", () => {
    expect(recorded({ IpcMode: "", ShmSize: 0, LogConfig: { Type: "" } })).toEqual({
      IpcMode: "shareable",
      ShmSize: 1000,
      CgroupnsMode: "host",
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } },
    });
  });

  test("keeps what a request asks for", () => {
    const asked: HostConfig = {
      IpcMode: "host",
      ShmSize: 5,
      CgroupnsMode: "private",
      Ulimits: [{ Name: "nofile", Soft: 7, Hard: 7 }],
      LogConfig: { Type: "local", Config: {} },
    };
    expect(recorded(asked)).toEqual(asked);
    expect(recorded({ LogConfig: { Type: "json-file", Config: { "max-size": "9m" } } }).LogConfig).toEqual({
      Type: "json-file",
      Config: { "max-size": "9m", "max-file": "2" },
    });
  });

  test("changes nothing without defaults", () => {
    expect(recorded({ IpcMode: "" }, {})).toEqual({ IpcMode: "" });
  });
});

describe("applyUnrecordedDefaults()", () => {
  test("fills the init process, no-new-privileges and name servers", () => {
    expect(applyUnrecordedDefaults({ image: "x" }, defaults)).toMatchObject({
      process: { init: true },
      isolation: { noNewPrivileges: true },
      network: { dns: ["1.1.1.1"] },
    });
  });

  test("keeps what was asked for, and leaves the files of another container's network alone", () => {
    const spec = applyUnrecordedDefaults(
      {
        image: "x",
        process: { init: false },
        isolation: { noNewPrivileges: false, namespaces: { network: { container: "y" } } },
      },
      defaults,
    );
    expect(spec.process?.init).toBe(false);
    expect(spec.isolation?.noNewPrivileges).toBe(false);
    expect(spec.network?.dns).toBeUndefined();
  });
});
