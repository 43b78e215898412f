import { posix, win32 } from "node:path";

/** The clients whose configuration can be printed. */
export const CLIENTS = [
  "claude-desktop",
  "claude-code",
  "cursor",
  "vscode",
  "codex",
  "gemini",
] as const;
export type Client = (typeof CLIENTS)[number];

/** Where the server that a client starts shall find its settings. */
export type SettingsFrom =
  | { kind: "user's file" }
  | { kind: "--env-file"; file: string }
  /** What is undefined is for the user to fill in. */
  | { kind: "client"; domain: string | undefined };

/** What an entry in a client's configuration says. */
export interface Entry {
  /** Of this executable, absolute. */
  path: string;
  settings: SettingsFrom;
  /** What stands where the user has something to fill in. */
  placeholders: { BACKLOG_API_KEY: string; BACKLOG_DOMAIN: string };
}

/** The system that a client runs on. */
export interface System {
  platform: string;
  environment: Record<string, string | undefined>;
  home: string;
}

/** One name for all: with two spaces the user names the second entry. */
export const NAME = "backlog";

/** What to paste, in the client's own format; without one, the common block. */
export function formatConfig(
  client: Client | undefined,
  entry: Entry,
  platform: string,
): string {
  switch (client) {
    case "claude-code":
      return formatCommand(entry, platform);
    case "codex":
      return formatToml(entry);
    case "vscode":
      return toJson(toVsCode(entry));
    default:
      return toJson({ mcpServers: { [NAME]: toServer(entry) } });
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function toServer(entry: Entry) {
  const args = toArgs(entry);
  const env = toEnv(entry);
  return {
    command: entry.path,
    ...(args.length > 0 && { args }),
    ...(env !== undefined && { env }),
  };
}

function toArgs({ settings }: Entry): string[] {
  return settings.kind === "--env-file" ? ["--env-file", settings.file] : [];
}

function toEnv({ settings, placeholders }: Entry) {
  if (settings.kind !== "client") return undefined;
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN } = placeholders;
  return {
    BACKLOG_API_KEY,
    BACKLOG_DOMAIN: settings.domain ?? BACKLOG_DOMAIN,
  };
}

/** VS Code asks for what is missing, and keeps the key in its own store. */
function toVsCode(entry: Entry) {
  const { settings, placeholders } = entry;
  const server = { type: "stdio", ...toServer(entry) };
  if (settings.kind !== "client") return { servers: { [NAME]: server } };
  const asksDomain = settings.domain === undefined;
  const inputs = [
    {
      type: "promptString",
      id: "backlog-api-key",
      description: "Backlog API key (Personal Settings > API)",
      password: true,
    },
    {
      type: "promptString",
      id: "backlog-domain",
      description: `Backlog space, such as ${placeholders.BACKLOG_DOMAIN}`,
    },
  ].slice(0, asksDomain ? 2 : 1);
  const env = {
    BACKLOG_API_KEY: `\${input:backlog-api-key}`,
    BACKLOG_DOMAIN: settings.domain ?? `\${input:backlog-domain}`,
  };
  return { inputs, servers: { [NAME]: { ...server, env } } };
}

function formatToml(entry: Entry): string {
  const args = toArgs(entry).map(toTomlString);
  const env = Object.entries(toEnv(entry) ?? {});
  const lines = [
    `[mcp_servers.${NAME}]`,
    `command = ${toTomlString(entry.path)}`,
    ...(args.length > 0 ? [`args = [${args.join(", ")}]`] : []),
    ...(env.length > 0 ? ["", `[mcp_servers.${NAME}.env]`] : []),
    ...env.map(([name, value]) => `${name} = ${toTomlString(value)}`),
  ];
  return `${lines.join("\n")}\n`;
}

// TOML's basic strings are JSON's, but that TOML wants DEL escaped too.
function toTomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}

function formatCommand(entry: Entry, platform: string): string {
  const isWindows = platform === "win32";
  const quote = isWindows ? quoteForPowerShell : quoteForShell;
  const args = toArgs(entry);
  const env = Object.entries(toEnv(entry) ?? {}).flatMap(([name, value]) => [
    "-e",
    quote(`${name}=${value}`),
  ]);
  const server = [entry.path, ...args].map(quote);
  // PowerShell keeps a bare -- for itself where `claude` is npm's script, so
  // it is quoted there, and used only where an argument would pass for claude's.
  const words =
    args.length === 0
      ? // -e takes every word up to the next option, so it comes last.
        [NAME, ...server, "--scope", "user", ...env]
      : [NAME, "--scope", "user", isWindows ? '"--"' : "--", ...server];
  return `${["claude", "mcp", "add", ...words].join(" ")}\n`;
}

/** One word of a POSIX shell. */
function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

// Double quotes serve cmd.exe too, as long as a path has no $ or backtick.
function quoteForPowerShell(word: string): string {
  return /^[\w+=:./\\-]+$/.test(word)
    ? word
    : `"${word.replace(/[`$“”„]/g, "`$&")}"`;
}

/** Where it goes on this system, in sentences. */
export function describePlace(
  client: Client | undefined,
  system: System,
  /** For a second space, beside the entry of the first. */
  isSecond = false,
): string {
  switch (client) {
    case undefined:
      return `For most MCP clients. For one of these, in its own format and with the place of its file: backlog-mcp config ${CLIENTS.join("|")}`;
    case "claude-code": {
      const shell = system.platform === "win32" ? "PowerShell" : "a shell";
      const first = isSecond
        ? ""
        : ` If there is already an entry of that name, first run: claude mcp remove ${NAME} --scope user.`;
      return `Run it in ${shell}.${first} Afterwards: claude mcp list`;
    }
    case "codex": {
      const earlier = isSecond
        ? ""
        : `, in place of an earlier [mcp_servers.${NAME}]`;
      return `Put it at the end of ${toClientFile(client, system)}${earlier}.`;
    }
    case "vscode":
      return `Put it into ${toClientFile(client, system)} (MCP: Open User Configuration), or into .vscode/mcp.json of one folder. Where the file has other servers, add this one to them.`;
    default: {
      const place = `Put it into ${toClientFile(client, system)}. Where the file has other servers, add this one to its mcpServers. Then restart the client.`;
      return client === "gemini"
        ? `${place} Gemini CLI starts servers only in folders that it trusts.`
        : place;
    }
  }
}

/** The file in which a client of this user looks for its MCP servers. */
export function toClientFile(
  client: Exclude<Client, "claude-code">,
  system: System,
): string {
  const { platform, environment, home } = system;
  const path = platform === "win32" ? win32 : posix;
  switch (client) {
    case "claude-desktop":
      return path.join(
        toAppFolder(system),
        "Claude",
        "claude_desktop_config.json",
      );
    case "vscode":
      return path.join(toAppFolder(system), "Code", "User", "mcp.json");
    case "cursor":
      return path.join(home, ".cursor", "mcp.json");
    case "codex":
      return path.join(
        environment.CODEX_HOME || path.join(home, ".codex"),
        "config.toml",
      );
    case "gemini":
      return path.join(home, ".gemini", "settings.json");
  }
}

/** Where desktop programs keep a user's files. */
function toAppFolder({ platform, environment, home }: System): string {
  switch (platform) {
    case "win32":
      return environment.APPDATA || win32.join(home, "AppData", "Roaming");
    case "darwin":
      return posix.join(home, "Library", "Application Support");
    default:
      return environment.XDG_CONFIG_HOME || posix.join(home, ".config");
  }
}
