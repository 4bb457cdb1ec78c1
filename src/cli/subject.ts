/** The kind of object that an argument or a flag's value names, for completion. */
export type Subject =
  | "container"
  | "running"
  | "paused"
  | "stopped"
  | "image"
  | "volume"
  | "network"
  | "secret"
  | "pod"
  | "registry"
  | "context"
  | "object"
  | "file"
  | "command"
  | "none";
