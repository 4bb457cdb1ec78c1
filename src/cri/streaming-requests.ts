/** A stream that a client may open once, at the URL that its registration gives. */
export type StreamRequest =
  | {
      readonly kind: "exec";
      readonly containerId: string;
      readonly command: readonly string[];
      readonly terminal: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
    }
  | {
      readonly kind: "attach";
      readonly containerId: string;
      readonly terminal: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
    }
  | { readonly kind: "port-forward"; readonly podId: string; readonly ports: readonly number[] };

/** Registers a request; returns the URL with its token. Throws "exhausted" when too many wait. */
export type RegisterStream = (request: StreamRequest) => Promise<string>;
