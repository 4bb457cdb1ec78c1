import { serve } from "../../../src/daemon/server.ts";
import { FakeEngine } from "./fake-engine.ts";
await serve(new FakeEngine(), {
  socketPath: process.argv[2] ?? "",
  buildId: "b",
  version: "0.1.0",
  onInternalFailure: (f) => console.error(f),
});
