import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import type { BacklogCall } from "./backlog.ts";
import {
  CLIENTS,
  type Client,
  describePlace,
  formatConfig,
  NAME,
  type SettingsFrom,
} from "./clients.ts";
import { toMessage } from "./errors.ts";
import { version } from "./package.json";
import {
  type Connection,
  type Found,
  findHiddenFile,
  type PLACEHOLDERS,
  type Reading,
  readAlone,
  toDomain,
  toRedactor,
} from "./settings.ts";
import { Cleaner } from "./text.ts";

/** What `--help` prints, and what follows a wrong command line. */
export const USAGE = `backlog-mcp ${version}: lets an AI assistant read your work in Backlog, over MCP.

  backlog-mcp                   serve MCP on stdio (what an MCP client starts)
  backlog-mcp check             say what is configured and whether Backlog answers
  backlog-mcp config [CLIENT]   print what to paste into an MCP client:
                                ${CLIENTS.slice(0, 4).join(", ")},
                                ${CLIENTS.slice(4).join(", ")}
  backlog-mcp --version
  backlog-mcp --help
  option: --env-file PATH       read the settings from this file

Settings: BACKLOG_API_KEY, BACKLOG_DOMAIN and, optionally, USER_ID. From the
environment, --env-file, .env in the user's configuration folder
(~/.config/backlog-mcp, on Windows %APPDATA%\\backlog-mcp), .env beside this
program, or .env in the working folder: all from the first that has a key or a
domain.
`;

/** For someone who started the server by hand. */
export const HINT = `backlog-mcp ${version} is meant to be started by an MCP client; Ctrl-C ends it.
Instead, "backlog-mcp check" says whether Backlog answers, and "backlog-mcp config" prints what to paste into a client.
`;

export interface Config {
  /** What is to be pasted, and nothing else. */
  text: string;
  /** For the person who pastes it. */
  advice: string;
}

/** The configuration of a client that starts this executable. */
export async function toConfig(
  client: Client | undefined,
  found: Found,
  placeholders: typeof PLACEHOLDERS,
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
  const settings = toSettingsFrom(found, join(home, ".config"));
  const isNamed = found.envFile !== undefined;
  const hidden = await findHiddenFile(found);
  return {
    text: formatConfig(client, { path, settings, placeholders }, platform),
    advice: [
      describePlace(client, { platform, environment, home }, isNamed),
      ...(isNamed
        ? [`For a second space, give this entry another name than ${NAME}.`]
        : []),
      ...(hidden === undefined ? [] : [describeHidden(hidden)]),
      await describeSettings(settings, found, hidden),
    ].join("\n"),
  };
}

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
  const unreadable = /cannot be read \(.*\)$/.exec(text)?.[0];
  return `The settings are to be read from ${file}, which ${unreadable ?? `is not complete yet: ${text}`}.`;
}

function describeHidden(file: string): string {
  return `${file} has settings as well, but those of the environment come first. To use the file's, unset BACKLOG_API_KEY and BACKLOG_DOMAIN.`;
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
    if (link !== own && (await resolvesTo(link, own))) return link;
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

async function resolvesTo(link: string, path: string): Promise<boolean> {
  try {
    return (await realpath(link)) === path;
  } catch {
    return false;
  }
}

export interface CheckResult {
  /** Plain lines, for a terminal or a report. */
  text: string;
  /** Nothing is wrong; a note is not. */
  isWell: boolean;
}

/** Says what is configured, from where, and whether Backlog answers. */
export async function check(found: Found): Promise<CheckResult> {
  const { reading } = found;
  const answers = reading.settings
    ? await askBacklog(reading.settings)
    : undefined;
  const problems = [...toProblems(found), ...(answers?.problems ?? [])];
  const notes = [...(await toSourceNotes(found)), ...(answers?.notes ?? [])];
  const sections = [
    [`backlog-mcp ${version}`],
    align(toSettingsRows(found)),
    align(answers?.rows ?? []),
    notes.map((note) => `Note: ${note}`),
    problems.length > 0
      ? ["What is wrong, and what to do:", ...problems.map((p) => `- ${p}`)]
      : [
          "All is well. To set up a client: backlog-mcp config [CLIENT] prints what to paste.",
        ],
  ].filter(({ length }) => length > 0);
  // Names and a stray .env are other people's words; a terminal obeys some.
  const cleaner = new Cleaner();
  const redact = toRedactor(reading.secrets);
  const text = sections
    .map((lines) =>
      lines.map((line) => `${cleaner.line(redact(line), 2_000)}\n`).join(""),
    )
    .join("\n");
  return { text, isWell: problems.length === 0 };
}

/** Columns with two spaces between them; a row's last cell widens none. */
function align(rows: readonly string[][]): string[] {
  const widths = [0, 1].map((column) =>
    Math.max(0, ...rows.map((row) => row.slice(0, -1)[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
      )
      .join("  "),
  );
}

function toSettingsRows({ reading, origin }: Found): string[][] {
  const { values, source, userIdSource } = reading;
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN, USER_ID } = values;
  const row = (name: string, value: string | undefined, from: string) =>
    value === undefined ? [name, "not set"] : [name, value, `from ${from}`];
  // A wrong domain is quoted among the problems, less what may be a secret.
  const domain = toDomain(origin) ?? "not valid";
  return [
    row("BACKLOG_API_KEY", maskKey(BACKLOG_API_KEY), source),
    row("BACKLOG_DOMAIN", BACKLOG_DOMAIN && domain, source),
    USER_ID === undefined
      ? ["USER_ID", "not set: Backlog is asked whose key it is"]
      : row("USER_ID", USER_ID, userIdSource),
  ];
}

/** A shorter key is no real one, and four characters would tell too much. */
const SHORTEST_SHOWN_KEY = 12;

/** The last four characters, to tell one key from another. */
export function maskKey(key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  return key.length < SHORTEST_SHOWN_KEY ? "set" : `…${key.slice(-4)}`;
}

/** A client is started elsewhere, and may not find what this terminal has. */
async function toSourceNotes(found: Found): Promise<string[]> {
  const { reading, usualFiles } = found;
  const hidden = await findHiddenFile(found);
  if (hidden !== undefined) return [describeHidden(hidden)];
  const [userFile, , workingFile] = usualFiles;
  const isElsewhere = reading.source !== userFile;
  // What is missing comes first.
  if (!reading.settings) return [];
  if (reading.source === "the environment") {
    return [
      `These settings are in the environment of this terminal; a client gives the server its own. In ${userFile} every client finds them.`,
    ];
  }
  return isElsewhere && reading.source === workingFile
    ? [
        `${workingFile} counts only in this folder; a client may start the server in another. In ${userFile} every client finds the settings.`,
      ]
    : [];
}

/** The problems of the settings, each with what to do about it. */
function toProblems(found: Found): string[] {
  const { problems, source, values } = found.reading;
  const [userFile = ""] = found.usualFiles;
  const place = source || userFile;
  const advised = problems.map(
    (problem) => `${problem}.${toAdvice(problem, place, found.origin)}`,
  );
  if (!problems.some(isMissing)) return advised;
  const searched = [
    "the environment",
    ...(found.envFile === undefined ? found.usualFiles : [found.envFile]),
  ].join(", ");
  const isFound = values.BACKLOG_API_KEY ?? values.BACKLOG_DOMAIN;
  return [
    ...advised,
    isFound
      ? `All settings come from one place, the first that has a key or a domain: here ${place}.`
      : `Searched: ${searched}. Values in a client's configuration are seen only by the server that client starts.`,
  ];
}

function isMissing(problem: string): boolean {
  return problem.endsWith(" is not set");
}

/** Invalid values are told with what is valid; the rest needs a word more. */
function toAdvice(
  problem: string,
  place: string,
  origin = "https://your-space.backlog.com",
): string {
  if (problem.includes(" cannot be read (")) {
    return " Correct its name or its permissions.";
  }
  if (!isMissing(problem)) return "";
  return problem.startsWith("BACKLOG_API_KEY")
    ? ` Make a key in Backlog under Personal Settings > API (${origin}/EditApiSettings.action) and set it in ${place}.`
    : ` Set it in ${place} to the address of your space, such as your-space.backlog.com.`;
}

interface Answers {
  rows: string[][];
  notes: string[];
  problems: string[];
}

/** One line of the report, or the request that failed for it. */
type Part =
  | { row: [string, string] }
  | { row: [string, string]; path: string; message: string };

async function askBacklog(
  settings: Connection & { userId: string | undefined },
): Promise<Answers> {
  const [{ Backlog, LIMITS }, { toMe }] = await Promise.all([
    import("./backlog.ts"),
    import("./names.ts"),
  ]);
  // Whoever waits for it had rather see a failure at once than three times.
  const call = new Backlog(settings, { ...LIMITS, attempts: 1 }).open();
  const notes: string[] = [];
  const problems: string[] = [];
  const { userId } = settings;
  const parts = await Promise.all([
    ask("Space", "/space", call.getSpace(), ({ name }) =>
      [name, call.origin].filter(Boolean).join(", "),
    ),
    ask("Key of", "/users/myself", call.getMyself(), (owner) => {
      const { name } = owner;
      if (userId !== undefined && /^\d{1,15}$/.test(userId)) {
        if (Number(userId) !== owner.id) {
          notes.push(
            `USER_ID ${userId} is someone else: "me" means that person, not ${name} (${owner.id}), to whom the key belongs. If that is not meant, remove USER_ID.`,
          );
        }
      } else {
        try {
          toMe(owner, userId);
        } catch (error) {
          problems.push(toMessage(error));
        }
      }
      return `${name}, USER_ID ${owner.id}`;
    }),
    ask("Projects", "/projects", call.listProjects(), (projects) => {
      const archived = projects.filter((project) => project.archived).length;
      if (projects.length === 0) {
        notes.push(
          "The owner of the key has joined no project, so there is nothing to read. Ask a project's administrator.",
        );
      }
      return `${projects.length} can be read${archived > 0 ? `, ${archived} of them archived` : ""}`;
    }),
    ask("Requests left", "/rateLimit", call.getRateLimit(), ({ rateLimit }) =>
      Object.entries(rateLimit)
        .map(([name, left]) =>
          left ? `${name} ${left.remaining} of ${left.limit}` : "",
        )
        .filter(Boolean)
        .join(", "),
    ),
  ]);
  call.end();
  return {
    rows: parts.map(({ row }) => row),
    notes: [...notes, ...toLeftOutNotes(call)],
    problems: [...groupFailures(parts), ...problems],
  };
}

async function ask<Answer>(
  label: string,
  path: string,
  answer: Promise<Answer>,
  describe: (answer: Answer) => string,
): Promise<Part> {
  try {
    return { row: [label, describe(await answer)] };
  } catch (error) {
    const message = toMessage(error);
    return { row: [label, "could not be read"], path, message };
  }
}

/** What went wrong with several requests in the same way is said once. */
function groupFailures(parts: readonly Part[]): string[] {
  const requests = new Map<string, string[]>();
  for (const part of parts) {
    if (!("path" in part)) continue;
    const request = `GET ${part.path}`;
    const kind = part.message.replace(request, "\0");
    requests.set(kind, [...(requests.get(kind) ?? []), request]);
  }
  return [...requests].map(([kind, names]) =>
    kind.replace("\0", () => names.join(", ")),
  );
}

function toLeftOutNotes({ leftOut }: BacklogCall): string[] {
  return leftOut.size === 0
    ? []
    : [
        `Backlog sent these in a form that this version cannot read: ${[...leftOut.keys()].join(", ")}. Look for a newer backlog-mcp.`,
      ];
}
