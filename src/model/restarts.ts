/** When a container that ended is started again without being asked. */
export interface RestartPolicy {
  /** "always" also starts it with the engine; "unless-stopped" does so unless a user has stopped it. */
  readonly name: "no" | "always" | "unless-stopped" | "on-failure";
  /** For "on-failure": so many times since it was started by hand; absent: without end. */
  readonly maximumRetries?: number | undefined;
}
