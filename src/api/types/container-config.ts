/** The half of a container's settings that an image can also have: `Config` of the Docker Engine API. */
export interface ContainerConfig {
  readonly Hostname?: string | undefined;
  readonly Domainname?: string | undefined;
  readonly User?: string | undefined;
  readonly AttachStdin?: boolean | undefined;
  readonly AttachStdout?: boolean | undefined;
  readonly AttachStderr?: boolean | undefined;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null | undefined;
  readonly Tty?: boolean | undefined;
  readonly OpenStdin?: boolean | undefined;
  readonly StdinOnce?: boolean | undefined;
  /** `NAME=value`, or `NAME` to remove it. */
  readonly Env?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Healthcheck?: HealthConfig | null | undefined;
  readonly ArgsEscaped?: boolean | undefined;
  readonly Image?: string | undefined;
  readonly Volumes?: Readonly<Record<string, object>> | null | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly NetworkDisabled?: boolean | undefined;
  /** Before 1.44; from then on in the endpoint's settings. */
  readonly MacAddress?: string | undefined;
  readonly OnBuild?: readonly string[] | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly StopSignal?: string | undefined;
  /** Seconds. */
  readonly StopTimeout?: number | null | undefined;
  readonly Shell?: readonly string[] | null | undefined;
}

/** Times are nanoseconds. */
export interface HealthConfig {
  readonly Test?: readonly string[] | null | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly Retries?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
}
