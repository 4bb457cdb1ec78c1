/** The change of one path since the layers below were made. Absolute within the tree. */
export interface TreeChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}
