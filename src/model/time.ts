/** Time on the wall clock, milliseconds since 1970. */
export type WallMs = number;
