/** One line of `GET /events`. */
export interface EventMessage {
  /** Three fields of the time before 1.22; docker-cli still reads them for containers and images. */
  readonly status?: string | undefined;
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local" | "swarm";
  /** Seconds since 1970. */
  readonly time: number;
  /** Nanoseconds since 1970: more digits than a number holds, so the last three are zero when it was read as one. */
  readonly timeNano: number;
}
