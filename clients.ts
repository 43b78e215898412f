import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, isAbsolute, join, posix, resolve, win32 } from "node:path";
import { PLACEHOLDERS } from "./places.ts";
import {
  findHiddenFile,
  type Reading,
  readAlone,
  type Setup,
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

/** Those that may be meant, however written: `VS Code`, `Gemini CLI`, `claude`. */
function findClients(word: string): Client[] {
  const bare = (text: string) =>
    text
      .toLowerCase()
      .replace("visual studio", "vs")
      .replace(/[^a-z]|cli$/g, "");
  const meant = bare(word);
  return CLIENTS.filter((name) => meant && bare(name).startsWith(meant));
}

/** What a client is told to start, in the words of most configurations. */
export interface Server {
  /** This executable, absolute. */
  command: string;
  args?: string[];
  /** With placeholders where the user is to fill something in. */
  env?: Record<string, string>;
}

/** One name for all: with two spaces the user names the second entry. */
export const NAME = "backlog";

/** What to paste, in the client's own format; without one, the common block. */
export function formatConfig(
  client: Client | undefined,
  server: Server,
  platform: string,
): string {
  switch (client) {
    case "claude-code":
      return `${formatCommand(client, server, platform)}\n`;
    case "codex":
      return `${Bun.TOML.stringify({ mcp_servers: { [NAME]: server } })}`;
    case "vscode":
      return toJson(toVsCode(server));
    default:
      return toJson({ mcpServers: { [NAME]: server } });
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** VS Code asks for what is missing, and keeps the key in its own store. */
function toVsCode({ env, ...rest }: Server) {
  const server = { type: "stdio", ...rest };
  if (env === undefined) return { servers: { [NAME]: server } };
  const asksDomain = env.BACKLOG_DOMAIN === PLACEHOLDERS.BACKLOG_DOMAIN;
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
  const asked = {
    BACKLOG_API_KEY: `\${input:backlog-api-key}`,
    ...(asksDomain && { BACKLOG_DOMAIN: `\${input:backlog-domain}` }),
  };
  return {
    inputs,
    servers: { [NAME]: { ...server, env: { ...env, ...asked } } },
  };
}

/** The command of a client that has one, on one line, for the user's shell. */
export function formatCommand(
  client: "claude-code" | "codex" | "gemini",
  server: Server,
  platform: string,
): string {
  const isWindows = platform === "win32";
  const quote = isWindows ? quoteForPowerShell : quoteForShell;
  const option = client === "codex" ? "--env" : "-e";
  const env = Object.entries(server.env ?? {}).flatMap(([name, value]) => [
    option,
    quote(`${name}=${value}`),
  ]);
  const path = quote(server.command);
  const args = (server.args ?? []).map(quote);
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

/** The system that a client runs on. */
interface System {
  platform: string;
  environment: Record<string, string | undefined>;
  home: string;
}

/** Where it goes on this system, in sentences; a second space replaces nothing. */
function describePlace(
  client: Client | undefined,
  system: System,
  isSecond: boolean,
): string {
  if (client === undefined) {
    return `For most MCP clients. For one of these, in its own format and with the place of its file: backlog-mcp config ${CLIENTS.join("|")}`;
  }
  if (client === "claude-code") {
    const shell = system.platform === "win32" ? "PowerShell" : "a shell";
    const first = isSecond
      ? ""
      : ` If there is already an entry of that name, first run: claude mcp remove ${NAME} --scope user.`;
    return `Run it in ${shell}.${first} Afterwards: claude mcp list`;
  }
  const file = toClientFile(client, system);
  switch (client) {
    case "codex":
      return isSecond
        ? `Put it at the end of ${file}.`
        : `Put it at the end of ${file}, in place of an earlier [mcp_servers.${NAME}].`;
    case "vscode":
      return `Put it into ${file} (MCP: Open User Configuration), or into .vscode/mcp.json of one folder. Where the file has other servers, add this one to them.`;
    default: {
      const trust =
        " Gemini CLI starts servers only in folders that it trusts.";
      return `Put it into ${file}. Where the file has other servers, add this one to its mcpServers. Then restart the client.${client === "gemini" ? trust : ""}`;
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
  const folder = toAppFolder(system);
  const files = {
    "claude-desktop": [folder, "Claude", "claude_desktop_config.json"],
    cursor: [home, ".cursor", "mcp.json"],
    vscode: [folder, "Code", "User", "mcp.json"],
    codex: [environment.CODEX_HOME || path.join(home, ".codex"), "config.toml"],
    gemini: [home, ".gemini", "settings.json"],
  };
  return path.join(...files[client]);
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

/**
 * What starts this program in a client, by the name that was typed: `text` is
 * to be pasted, `advice` is for the person who does it.
 */
export async function toConfig(word: string | undefined, found: Setup) {
  if (!Bun.isStandaloneExecutable) {
    throw new Error(
      "config prints the path of the compiled program: bun run build, then dist/backlog-mcp config.",
    );
  }
  const command = await findLastingPath(process.execPath, {
    searchPath: process.env.PATH ?? "",
    typed: process.argv0,
  });
  const { platform, env: environment } = process;
  const system = { platform, environment, home: homedir() };
  const meant = word === undefined ? [] : findClients(word);
  const client = meant.length === 1 ? meant[0] : undefined;
  const isSecond = found.envFile !== undefined;
  const hidden = describeHidden(found);
  const { about, ...settings } = toSettings(found, client, hidden);
  const server = { command, ...settings };
  const advice = [
    word !== undefined && client === undefined ? describeUnknown(meant) : [],
    describePlace(client, system, isSecond),
    client === "codex" || client === "gemini"
      ? `Or in one command:\n  ${formatCommand(client, server, platform)}`
      : [],
    isSecond
      ? `For a second space, give this entry another name than ${NAME}.`
      : [],
    hidden ?? [],
    about,
    "A client that shows it as connected has only started it: whether the key works, backlog-mcp check says.",
  ].flat();
  const text = formatConfig(client, server, platform);
  return { text, advice: advice.join("\n") };
}

function describeUnknown(meant: readonly Client[]): string {
  return meant.length === 0
    ? "This client is none of those that are known here."
    : `This may be ${meant.join(" or ")}: name one of them.`;
}

/** How a client's server finds the settings of this terminal, and what to say. */
function toSettings(
  found: Setup,
  client: Client | undefined,
  hidden: string | undefined,
): Pick<Server, "args" | "env"> & { about: string } {
  const { reading, envFile, usualFiles } = found;
  const [userFile = ""] = usualFiles;
  if (envFile !== undefined) {
    const file = resolve(envFile);
    // The client's server has not the environment of this terminal.
    const about = describeFile(file, readAlone(file, found));
    return { args: ["--env-file", file], about };
  }
  if (reading.source === userFile) {
    const about = describeFile(userFile, reading);
    const usual = join(homedir(), ".config", "backlog-mcp", ".env");
    // Clients hand on HOME and APPDATA, but hardly one XDG_CONFIG_HOME.
    return process.platform === "win32" || userFile === usual
      ? { about }
      : { args: ["--env-file", userFile], about };
  }
  const { BACKLOG_DOMAIN } = PLACEHOLDERS;
  const better = hidden ? "do that" : `put them into ${userFile}`;
  const todo =
    client === "vscode"
      ? "VS Code asks for your values."
      : "Fill in your values.";
  return {
    env: {
      // Whom "me" means, and what alone may be shown.
      ...reading.values,
      ...PLACEHOLDERS,
      BACKLOG_DOMAIN: toDomain(reading.origin) ?? BACKLOG_DOMAIN,
    },
    about: `${todo} Better: ${better} and run this again; then no key stands in the client's configuration or in the shell's history.`,
  };
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

/** For someone who wonders why a file does not count; undefined if it does. */
export function describeHidden(found: Setup): string | undefined {
  const file = findHiddenFile(found);
  return (
    file &&
    `${file} has settings as well, but those of the environment come first. To use the file's, unset BACKLOG_API_KEY and BACKLOG_DOMAIN.`
  );
}
