import type { FlagTable } from "../../flags/flag.ts";
import { bool, duration, int, later, string } from "../../flags/kinds.ts";

/** What `docker run` has and Tare understands, but can't do yet: giving one is refused by name. */
export const laterFlags: FlagTable = {
  "disable-content-trust": bool("Skip image verification", { initial: true, isHidden: true }),
  gpus: later(
    string("GPU devices to add to the container ('all' to pass all GPUs)", { type: "gpu-request" }),
  ),
  "health-cmd": later(string("Command to run to check health")),
  "health-interval": later(duration("Time between running the check (ms|s|m|h)"), "0"),
  "health-retries": later(int("Consecutive failures needed to report unhealthy"), "0"),
  "health-start-interval": later(
    duration("Time between running the check during the start period (ms|s|m|h)"),
    "0",
  ),
  "health-start-period": later(
    duration(
      "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
    ),
    "0",
  ),
  "health-timeout": later(duration("Maximum time to allow one check to run (ms|s|m|h)"), "0"),
};
