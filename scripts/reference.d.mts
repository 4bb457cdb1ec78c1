export function formatCommands(): Promise<string>;
export function formatRoutes(): string;
export function formatDocker(): string;
