import type { BacklogCall } from "./backlog.ts";
import { CLIENTS, describeHidden } from "./clients.ts";
import { toMessage } from "./errors.ts";
import { nearest } from "./matching.ts";
import { version } from "./package.json";
import { ENVIRONMENT } from "./places.ts";

import {
  type Connection,
  type Found,
  findHiddenFile,
  toDomain,
  toRedactor,
} from "./settings.ts";
import { Cleaner } from "./text.ts";

/** What `--help` prints. */
export const USAGE = `backlog-mcp ${version}: lets an AI assistant read your work in Backlog, over MCP.

  backlog-mcp                   serve MCP on stdio (what an MCP client starts)
  backlog-mcp check             say what is configured, and if Backlog answers
  backlog-mcp config [CLIENT]   print what to paste into an MCP client:
                                ${CLIENTS.slice(0, 4).join(", ")},
                                ${CLIENTS.slice(4).join(", ")}
  backlog-mcp --version | --help
  option: --env-file PATH       read the settings from this file

Settings: BACKLOG_API_KEY, BACKLOG_DOMAIN and, optionally, USER_ID (who "me" is)
and BACKLOG_PROJECTS (keys such as WEB,OPS: nothing else is shown). From the
environment, --env-file, .env in the user's configuration folder
(~/.config/backlog-mcp, on Windows %APPDATA%\\backlog-mcp), .env beside this
program, or .env in the working folder: all from the first that has a key or a
domain, but every BACKLOG_PROJECTS counts.
`;

/** For someone who started the server by hand. */
export const HINT = `backlog-mcp ${version} is meant to be started by an MCP client; Ctrl-C ends it.
Instead, "backlog-mcp check" says whether Backlog answers, and "backlog-mcp config" prints what to paste into a client.
`;

const WORDS = ["check", "config", "version", "help", ...CLIENTS];
const OPTIONS = ["--env-file", "--version", "--help"];

/** One line for a word or an option that is not known, and what it may mean. */
export function describeTypo(word: string): string {
  const isOption = word.startsWith("-");
  const meant = nearest(word, isOption ? [...OPTIONS, ...WORDS] : WORDS);
  const isClient = CLIENTS.some((client) => client === meant);
  const hint =
    meant === undefined
      ? "For what there is"
      : `Did you mean ${isClient ? "config " : ""}${meant}? For the rest`;
  // A key that was typed in the wrong place is not shown again.
  const shown = word.length > 24 ? "of this name" : JSON.stringify(word);
  return `There is no ${isOption ? "option" : "command"} ${shown}. ${hint}: backlog-mcp --help`;
}

/** Breaks lines at spaces; what is indented is to be copied as it stands. */
export function wrap(text: string, columns: number | undefined): string {
  if (columns === undefined || columns < MIN_COLUMNS) return text;
  return text
    .split("\n")
    .map((line) =>
      line.startsWith(INDENT)
        ? line
        : Bun.wrapAnsi(line, columns - INDENT.length, {
            trim: false,
          }).replaceAll(/ *\n/g, `\n${INDENT}`),
    )
    .join("\n");
}

const INDENT = "  ";
const MIN_COLUMNS = 40;

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
  const { passedOver } = reading.managed;
  const notes = [
    ...(passedOver === undefined ? [] : [passedOver]),
    ...reading.notes,
    ...(await toSourceNotes(found)),
    ...(answers?.notes ?? []),
  ];
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
  const { values, source, userIdSource, domainSource } = reading;
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN, USER_ID } = values;
  const row = (name: string, value: string | undefined, from: string) =>
    value === undefined ? [name, "not set"] : [name, value, `from ${from}`];
  // A wrong domain is quoted among the problems, less what may be a secret.
  const domain = toDomain(origin) ?? "not valid";
  return [
    row("BACKLOG_API_KEY", maskKey(BACKLOG_API_KEY), source),
    row("BACKLOG_DOMAIN", BACKLOG_DOMAIN && domain, domainSource),
    USER_ID === undefined
      ? ["USER_ID", "not set: Backlog is asked whose key it is"]
      : row("USER_ID", USER_ID, userIdSource),
    ...reading.restrictions.map(({ projects, source }) =>
      row("BACKLOG_PROJECTS", projects.join(","), source),
    ),
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
  if (reading.source === ENVIRONMENT) {
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
    ENVIRONMENT,
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

/** What a request brought, or what went wrong with it. */
type Part<Value> = { value?: Value; path: string; failure?: string };

/** Asks for all at once what tells a person that the settings are right. */
async function askBacklog(
  settings: Connection & { userId: string | undefined },
): Promise<Answers> {
  const { Backlog, LIMITS } = await import("./backlog.ts");
  // Whoever waits for it had rather see a failure at once than three times.
  const call = new Backlog(settings, { ...LIMITS, attempts: 1 }).open();
  const [space, owner, projects, limits] = await Promise.all([
    attempt("/space", call.getSpace()),
    attempt("/users/myself", call.getMyself()),
    attempt("/projects", call.listProjects()),
    attempt("/rateLimit", call.getRateLimit()),
  ]);
  call.end();
  const about = await describeUserId(settings.userId, owner.value);
  return {
    rows: [
      toRow("Space", space, ({ name }) =>
        [name, call.origin].filter(Boolean).join(", "),
      ),
      toRow("Key of", owner, ({ name, id }) => `${name}, USER_ID ${id}`),
      toRow("Projects", projects, describeProjects),
      toRow("Requests left", limits, describeLimits),
    ],
    notes: [
      ...about.notes,
      ...(projects.value?.length === 0 ? [NO_PROJECT] : []),
      ...toLeftOutNotes(call),
    ],
    problems: [
      ...groupFailures([space, owner, projects, limits]),
      ...about.problems,
    ],
  };
}

async function attempt<Value>(
  path: string,
  answer: Promise<Value>,
): Promise<Part<Value>> {
  try {
    return { path, value: await answer };
  } catch (error) {
    return { path, failure: toMessage(error) };
  }
}

function toRow<Value>(
  label: string,
  { value }: Part<Value>,
  describe: (value: Value) => string,
): string[] {
  return [label, value === undefined ? "could not be read" : describe(value)];
}

const NO_PROJECT =
  "The owner of the key has joined no project, so there is nothing to read. Ask a project's administrator.";

type Projects = Awaited<ReturnType<BacklogCall["listProjects"]>>;

function describeProjects(projects: Projects): string {
  const archived = projects.filter((project) => project.archived).length;
  const some = archived > 0 ? `, ${archived} of them archived` : "";
  return `${projects.length} can be read${some}`;
}

type Limits = Awaited<ReturnType<BacklogCall["getRateLimit"]>>;

function describeLimits({ rateLimit }: Limits): string {
  return Object.entries(rateLimit)
    .flatMap(([name, left]) =>
      left ? [`${name} ${left.remaining} of ${left.limit}`] : [],
    )
    .join(", ");
}

type Owner = Awaited<ReturnType<BacklogCall["getMyself"]>>;

/** Whether USER_ID means the owner of the key, as far as that is known. */
async function describeUserId(
  userId: string | undefined,
  owner: Owner | undefined,
): Promise<{ notes: string[]; problems: string[] }> {
  if (owner === undefined) return { notes: [], problems: [] };
  if (userId !== undefined && /^\d{1,15}$/.test(userId)) {
    const note = `USER_ID ${userId} is someone else: "me" means that person, not ${owner.name} (${owner.id}), to whom the key belongs. If that is not meant, remove USER_ID.`;
    return { notes: Number(userId) === owner.id ? [] : [note], problems: [] };
  }
  const { toMe } = await import("./lookup.ts");
  try {
    toMe(owner, userId);
    return { notes: [], problems: [] };
  } catch (error) {
    return { notes: [], problems: [toMessage(error)] };
  }
}

/** What went wrong with several requests in the same way is said once. */
function groupFailures(parts: readonly Part<unknown>[]): string[] {
  const requests = new Map<string, string[]>();
  for (const { path, failure } of parts) {
    if (failure === undefined) continue;
    const request = `GET ${path}`;
    const kind = failure.replace(request, "\0");
    requests.set(kind, [...(requests.get(kind) ?? []), request]);
  }
  return [...requests].map(([kind, names]) =>
    toPeople(kind.replace("\0", () => names.join(", "))),
  );
}

/** An assistant is told first what happened; a person, what to do about it. */
function toPeople(message: string): string {
  const [, what, said, advice] =
    /^(Backlog refused .*?) \((\d{3}(?:, "(?:[^"\\]|\\.)*")?)\)\. (.+)$/s.exec(
      message,
    ) ?? [];
  return advice === undefined ? message : `${advice} (${what}: ${said})`;
}

function toLeftOutNotes({ leftOut }: BacklogCall): string[] {
  return leftOut.size === 0
    ? []
    : [
        `Backlog sent these in a form that this version cannot read: ${[...leftOut.keys()].join(", ")}. Look for a newer backlog-mcp.`,
      ];
}
