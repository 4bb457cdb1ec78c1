/** All that is asked of a repository. */
export type RepositoryAction = "pull" | "push" | "search";
