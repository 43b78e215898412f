import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, isAbsolute, join, posix, resolve, win32 } from "node:path";
import { PLACEHOLDERS } from "./places.ts";
import {
  type Found,
  findHiddenFile,
  type Reading,
  readAlone,
  toDomain,
} from "./settings.ts";

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

/** The client that is meant, however it is written: `VS Code`, `Claude-Code`. */
export function findClient(word = ""): Client | undefined {
  const bare = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  return CLIENTS.find((name) => bare(name) === bare(word));
}

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
      return `${formatCommand(client, entry, platform)}\n`;
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

function toEnv({ settings }: Entry) {
  if (settings.kind !== "client") return undefined;
  const { domain = PLACEHOLDERS.BACKLOG_DOMAIN } = settings;
  return { ...PLACEHOLDERS, BACKLOG_DOMAIN: domain };
}

/** VS Code asks for what is missing, and keeps the key in its own store. */
function toVsCode(entry: Entry) {
  const { settings } = entry;
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
      description: `Backlog space, such as ${PLACEHOLDERS.BACKLOG_DOMAIN}`,
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

/** The command of a client that has one, on one line, for the user's shell. */
export function formatCommand(
  client: "claude-code" | "codex" | "gemini",
  entry: Entry,
  platform: string,
): string {
  const isWindows = platform === "win32";
  const quote = isWindows ? quoteForPowerShell : quoteForShell;
  const option = client === "codex" ? "--env" : "-e";
  const env = Object.entries(toEnv(entry) ?? {}).flatMap(([name, value]) => [
    option,
    quote(`${name}=${value}`),
  ]);
  const path = quote(entry.path);
  const args = toArgs(entry).map(quote);
  // PowerShell keeps a bare -- for itself where a client is npm's script, so it
  // is quoted there, and used only where a word would pass for the client's.
  const end = isWindows ? '"--"' : "--";
  const scope = ["--scope", "user"];
  // -e takes every word up to the next option, so it comes last.
  const plain = [NAME, path, ...scope, ...env];
  const words = {
    "claude-code":
      args.length === 0 ? plain : [NAME, ...scope, end, path, ...args],
    codex: [NAME, ...env, end, path, ...args],
    gemini: args.length === 0 ? plain : [...scope, NAME, path, end, ...args],
  };
  const [program] = client.split("-");
  return [program, "mcp", "add", ...words[client]].join(" ");
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

export interface Config {
  /** What is to be pasted, and nothing else. */
  text: string;
  /** For the person who pastes it. */
  advice: string;
}

/** The configuration of a client, as it was typed, that starts this program. */
export async function toConfig(
  word: string | undefined,
  found: Found,
): Promise<Config> {
  if (!Bun.isStandaloneExecutable) {
    throw new Error(
      "config prints the path of the compiled program: bun run build, then dist/backlog-mcp config.",
    );
  }
  const path = await findLastingPath(process.execPath, {
    searchPath: process.env.PATH ?? "",
    typed: process.argv0,
  });
  const { platform, env: environment } = process;
  const home = homedir();
  const client = findClient(word);
  const settings = toSettingsFrom(found, join(home, ".config"));
  const isNamed = found.envFile !== undefined;
  const hidden = await findHiddenFile(found);
  const entry = { path, settings };
  return {
    text: formatConfig(client, entry, platform),
    advice: [
      ...(word !== undefined && client === undefined ? [UNKNOWN_CLIENT] : []),
      describePlace(client, { platform, environment, home }, isNamed),
      ...(client === "codex" || client === "gemini"
        ? [`Or in one command:\n  ${formatCommand(client, entry, platform)}`]
        : []),
      ...(isNamed
        ? [`For a second space, give this entry another name than ${NAME}.`]
        : []),
      ...(hidden === undefined ? [] : [describeHidden(hidden)]),
      await describeSettings(settings, found, hidden),
      CONNECTED,
    ].join("\n"),
  };
}

const UNKNOWN_CLIENT = "This client is none of those that are known here.";
const CONNECTED =
  "A client that shows it as connected has only started it: whether the key works, backlog-mcp check says.";

/** Where a client's server finds what `found` tells of this terminal's. */
export function toSettingsFrom(
  { reading, envFile, usualFiles, origin }: Found,
  configFolder: string,
  platform: string = process.platform,
): SettingsFrom {
  if (envFile !== undefined) {
    return { kind: "--env-file", file: resolve(envFile) };
  }
  const [userFile] = usualFiles;
  if (userFile === undefined || reading.source !== userFile) {
    return { kind: "client", domain: toDomain(origin) };
  }
  // Clients hand on HOME and APPDATA, but hardly one XDG_CONFIG_HOME.
  const isUsual =
    platform === "win32" ||
    userFile === join(configFolder, "backlog-mcp", ".env");
  return isUsual
    ? { kind: "user's file" }
    : { kind: "--env-file", file: userFile };
}

async function describeSettings(
  settings: SettingsFrom,
  found: Found,
  hidden: string | undefined,
): Promise<string> {
  switch (settings.kind) {
    case "user's file":
      return describeFile(found.reading.source, found.reading);
    case "--env-file":
      // The client's server has not the environment of this terminal.
      return describeFile(settings.file, await readAlone(settings.file));
    case "client": {
      const [userFile = ""] = found.usualFiles;
      const better = hidden ? "do that" : `put them into ${userFile}`;
      return `Fill in your values. Better: ${better} and run this again; then no key stands in the client's configuration or in the shell's history.`;
    }
  }
}

function describeFile(file: string, { problems }: Reading): string {
  if (problems.length === 0) {
    return `No key stands in the configuration. The settings are read from ${file}.`;
  }
  const text = problems.join("; ");
  const [, unreadable] = text.split(", named by --env-file, ");
  return `The settings are to be read from ${file}, which ${unreadable ?? `is not complete yet: ${text}`}.`;
}

/**
 * The path to this executable that will still be there after an update: a link
 * of Homebrew's, else one on PATH, else the file's own.
 */
export async function findLastingPath(
  executable: string,
  { searchPath, typed }: { searchPath: string; typed: string },
): Promise<string> {
  const own = await realpath(executable);
  const names = new Set([basename(typed), "backlog-mcp", basename(own)]);
  const separator = process.platform === "win32" ? ";" : ":";
  const folders = searchPath.split(separator).filter(isAbsolute);
  const links = [
    ...toHomebrewLinks(own),
    ...folders.flatMap((folder) =>
      [...names].map((name) => join(folder, name)),
    ),
  ];
  for (const link of links) {
    const file = await realpath(link).catch(() => undefined);
    if (link !== own && file === own) return link;
  }
  return own;
}

/** `prefix/opt` stands even where the formula is not linked into `bin`. */
function toHomebrewLinks(path: string): string[] {
  const parts = /^(.*)\/Cellar\/([^/]+)\/[^/]+\/(.+)$/.exec(path);
  if (!parts) return [];
  const [, prefix = "", formula = "", file = ""] = parts;
  return [
    join(prefix, "opt", formula, file),
    join(prefix, "bin", basename(file)),
  ];
}

/** For someone who wonders why a file does not count. */
export function describeHidden(file: string): string {
  return `${file} has settings as well, but those of the environment come first. To use the file's, unset BACKLOG_API_KEY and BACKLOG_DOMAIN.`;
}
