export interface DockerDifference {
  readonly state: "differs" | "no";
  readonly why: string;
  /** Of the answer to a route that is "no". */
  readonly status?: number;
}

export const routeDifferences: Readonly<Record<string, DockerDifference | undefined>>;
export const commandDifferences: Readonly<Record<string, DockerDifference | undefined>>;
export const flagDifferences: Readonly<
  Record<string, Readonly<Record<string, DockerDifference | undefined>> | undefined>
>;
