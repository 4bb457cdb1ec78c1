import type { HealthConfig } from "../../../api/types/container-config.ts";
import { Failure } from "../../../base/failure.ts";
import { optionFailure } from "../../flags/flag.ts";
import { bool, duration, int, string } from "../../flags/kinds.ts";
import { type FieldTable, toTare } from "./request-fields.ts";

/** Flags of the health check. */
export interface HealthValues {
  readonly "health-cmd": string;
  readonly "health-interval": number | undefined;
  readonly "health-on-failure": string;
  readonly "health-retries": number | undefined;
  readonly "health-start-interval": number | undefined;
  readonly "health-start-period": number | undefined;
  readonly "health-timeout": number | undefined;
  readonly "no-healthcheck": boolean;
}

const nsPerMs = 1_000_000;
const actions = ["none", "kill", "restart", "stop"];

export const healthFlags: FieldTable<HealthValues> = {
  "health-cmd": string("Command to run to check health"),
  "health-interval": duration("Time between running the check (ms|s|m|h)"),
  "health-on-failure": toTare(
    "HealthOnFailure",
    string(
      "Action to take when the container becomes unhealthy: none, kill, restart or stop (not in Docker)",
      {
        words: actions,
        check: checkAction,
      },
    ),
    (action) => (action === "none" ? undefined : action),
  ),
  "health-retries": int("Consecutive failures needed to report unhealthy"),
  "health-start-interval": duration("Time between running the check during the start period (ms|s|m|h)"),
  "health-start-period": duration(
    "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
  ),
  "health-timeout": duration("Maximum time to allow one check to run (ms|s|m|h)"),
  "no-healthcheck": bool("Disable any container-specified HEALTHCHECK"),
};

/** `Healthcheck` of the request; undefined without a flag of it. Throws optionFailure() in Docker's words. */
export function parseHealthFlags(values: HealthValues): HealthConfig | undefined {
  const numbers = {
    "health-interval": values["health-interval"] ?? 0,
    "health-timeout": values["health-timeout"] ?? 0,
    "health-retries": values["health-retries"] ?? 0,
    "health-start-period": values["health-start-period"] ?? 0,
    "health-start-interval": values["health-start-interval"] ?? 0,
  };
  const command = values["health-cmd"];
  const isGiven = command !== "" || Object.values(numbers).some((number) => number !== 0);
  if (values["no-healthcheck"]) {
    if (isGiven) throw optionFailure("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!isGiven) return undefined;
  for (const [name, number] of Object.entries(numbers))
    if (number < 0) throw optionFailure(`--${name} cannot be negative`);
  const toNs = (ms: number): number | undefined => (ms === 0 ? undefined : Math.round(ms * nsPerMs));
  return {
    Test: command === "" ? undefined : ["CMD-SHELL", command],
    Interval: toNs(numbers["health-interval"]),
    Timeout: toNs(numbers["health-timeout"]),
    Retries: numbers["health-retries"] || undefined,
    StartPeriod: toNs(numbers["health-start-period"]),
    StartInterval: toNs(numbers["health-start-interval"]),
  };
}

function checkAction(text: string): string {
  if (actions.includes(text)) return text;
  throw new Failure("invalid", "must be none, kill, restart or stop");
}
