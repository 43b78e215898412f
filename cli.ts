import type { BacklogCall } from "./backlog.ts";
import { CLIENTS, describeHidden } from "./clients.ts";
import { toMessage } from "./errors.ts";
import { nearest } from "./matching.ts";
import { version } from "./package.json";
import { ENVIRONMENT, isConfigured } from "./places.ts";
import type { User } from "./responses.ts";
import {
  type Connection,
  type Setup,
  SHORTEST_KEY,
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

const INDENT = "  ";
const MIN_COLUMNS = 40;

/** Breaks lines at spaces; what is indented is to be copied as it stands. */
export function wrap(text: string, columns: number | undefined): string {
  if (columns === undefined || columns < MIN_COLUMNS) return text;
  const width = columns - INDENT.length;
  return text.replace(/^(?! {2}).+/gm, (line) =>
    Bun.wrapAnsi(line, width, { trim: false }).replaceAll(
      / *\n/g,
      `\n${INDENT}`,
    ),
  );
}

/** Says what is configured, from where, and whether Backlog answers. */
export async function check(found: Setup) {
  const { settings, managed, notes, secrets } = found.reading;
  const answers = settings
    ? await askBacklog(settings)
    : { rows: [], notes: [], problems: [] };
  const problems = [...toProblems(found), ...answers.problems];
  const isWell = problems.length === 0;
  const noted = [
    managed.passedOver ?? [],
    notes,
    toSourceNotes(found),
    answers.notes,
  ].flat();
  const sections = [
    [`backlog-mcp ${version}`],
    align(toSettingsRows(found)),
    align(answers.rows),
    noted.map((note) => `Note: ${note}`),
    isWell
      ? [
          "All is well. To set up a client: backlog-mcp config [CLIENT] prints what to paste.",
        ]
      : ["What is wrong, and what to do:", ...problems.map((p) => `- ${p}`)],
  ];
  // Names and a stray .env are other people's words; a terminal obeys some.
  const cleaner = new Cleaner();
  const redact = toRedactor(secrets);
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) =>
      lines.map((line) => `${cleaner.line(redact(line), 2_000)}\n`).join(""),
    )
    .join("\n");
  return { text, isWell };
}

/** Columns with two spaces between them; a row's last cell widens none. */
function align(rows: readonly string[][]): string[] {
  const toWidth = (column: number) =>
    Math.max(...rows.map((row) => row.slice(0, -1)[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(toWidth(column)),
      )
      .join("  "),
  );
}

function toSettingsRows({ reading }: Setup): string[][] {
  const { values, origin, source, userIdSource, domainSource } = reading;
  const { BACKLOG_API_KEY: key, BACKLOG_DOMAIN, USER_ID } = values;
  const row = (name: string, value: string | undefined, from: string) =>
    value === undefined ? [name, "not set"] : [name, value, `from ${from}`];
  // Its end tells one key from another; of what is none it would tell too much.
  const shown =
    key && (key.length < SHORTEST_KEY ? "set" : `…${key.slice(-4)}`);
  // A wrong domain is quoted among the problems, less what may be a secret.
  const domain = toDomain(origin) ?? "not valid";
  return [
    row("BACKLOG_API_KEY", shown, source),
    row("BACKLOG_DOMAIN", BACKLOG_DOMAIN && domain, domainSource),
    USER_ID === undefined
      ? ["USER_ID", "not set: Backlog is asked whose key it is"]
      : row("USER_ID", USER_ID, userIdSource),
    ...reading.restrictions.map(({ projects, source }) =>
      row("BACKLOG_PROJECTS", projects.join(","), source),
    ),
  ];
}

/** A client is started elsewhere, and may not find what this terminal has. */
function toSourceNotes(found: Setup): string[] {
  const { settings, source } = found.reading;
  const [userFile, , workingFile] = found.usualFiles;
  const hidden = describeHidden(found);
  if (hidden !== undefined) return [hidden];
  // What is missing comes first.
  if (!settings || source === userFile) return [];
  const finds = `In ${userFile} every client finds`;
  switch (source) {
    case ENVIRONMENT:
      return [
        `These settings are in the environment of this terminal; a client gives the server its own. ${finds} them.`,
      ];
    case workingFile:
      return [
        `${workingFile} counts only in this folder; a client may start the server in another. ${finds} the settings.`,
      ];
    default:
      return [];
  }
}

/** The problems of the settings, each with what to do about it. */
function toProblems({ reading, ...found }: Setup): string[] {
  const { problems, source, origin } = reading;
  const [userFile = ""] = found.usualFiles;
  const place = source || userFile;
  const space = origin ?? "https://your-space.backlog.com";
  const missing = new Map(
    Object.entries({
      "BACKLOG_API_KEY is not set": ` Make a key in Backlog under Personal Settings > API (${space}/EditApiSettings.action) and set it in ${place}.`,
      "BACKLOG_DOMAIN is not set": ` Set it in ${place} to the address of your space, such as your-space.backlog.com.`,
    }),
  );
  // Values that are not valid are told with what is.
  const advised = problems.map((problem) => {
    const advice = problem.includes(" cannot be read (")
      ? " Correct its name or its permissions."
      : (missing.get(problem) ?? "");
    return `${problem}.${advice}`;
  });
  if (!problems.some((problem) => missing.has(problem))) return advised;
  const { envFile, usualFiles } = found;
  const searched = [ENVIRONMENT, ...(envFile ? [envFile] : usualFiles)];
  return [
    ...advised,
    source !== "" && isConfigured(reading)
      ? `All settings come from one place, the first that has a key or a domain: here ${place}.`
      : `Searched: ${searched.join(", ")}. Values in a client's configuration are seen only by the server that client starts.`,
  ];
}

/** Asks for all at once what tells a person that the settings are right. */
async function askBacklog(
  settings: Connection & { userId: string | undefined },
) {
  const { Backlog } = await import("./backlog.ts");
  const { LIMITS } = await import("./http.ts");
  // Whoever waits for it had rather see a failure at once than three times.
  const call = new Backlog(settings, { ...LIMITS, attempts: 1 }).open();
  const parts = await askParts(call);
  call.end();
  const [, owner, projects] = parts;
  const { note, problem } = await describeUserId(settings.userId, owner.value);
  const leftOut = [...call.leftOut.keys()].join(", ");
  return {
    rows: parts.map(({ row }) => row),
    notes: [
      note ?? [],
      ...call.notes,
      projects.value?.length === 0 && leftOut === ""
        ? "The owner of the key has joined no project, so there is nothing to read. Ask a project's administrator."
        : [],
      leftOut === ""
        ? []
        : `Backlog sent these in a form that this version cannot read: ${leftOut}. Look for a newer backlog-mcp.`,
    ].flat(),
    problems: [...groupFailures(parts), ...(problem ? [problem] : [])],
  };
}

/** Side by side, so that one that fails keeps nothing from the others. */
function askParts(call: BacklogCall) {
  return Promise.all([
    attempt(["Space", "/space"], call.getSpace(), ({ name }) =>
      [name, call.origin].filter(Boolean).join(", "),
    ),
    attempt(
      ["Key of", "/users/myself"],
      call.getMyself(),
      ({ name, id }) => `${name}, USER_ID ${id}`,
    ),
    attempt(["Projects", "/projects"], call.listProjects(), (projects) => {
      const archived = projects.filter((project) => project.archived).length;
      const some = archived > 0 ? `, ${archived} of them archived` : "";
      return `${projects.length} can be read${some}`;
    }),
    attempt(["Requests left", "/rateLimit"], call.getRateLimit(), (limits) =>
      Object.entries(limits.rateLimit)
        .flatMap(([name, left]) =>
          left ? `${name} ${left.remaining} of ${left.limit}` : [],
        )
        .join(", "),
    ),
  ]);
}

interface Part<Value> {
  row: [label: string, text: string];
  request: string;
  /** What it brought, or what went wrong, with \0 where the request is named. */
  value?: Value;
  failure?: string;
}

async function attempt<Value>(
  [label, path]: readonly [label: string, path: string],
  answer: Promise<Value>,
  describe: (value: Value) => string,
): Promise<Part<Value>> {
  const request = `GET ${path}`;
  try {
    const value = await answer;
    return { row: [label, describe(value)], request, value };
  } catch (error) {
    const failure = toMessage(error).replace(request, "\0");
    return { row: [label, "could not be read"], request, failure };
  }
}

/** Whether USER_ID means the owner of the key, as far as that is known. */
async function describeUserId(
  userId: string | undefined,
  owner: User | undefined,
): Promise<{ note?: string; problem?: string }> {
  if (owner === undefined) return {};
  if (userId !== undefined && /^\d{1,15}$/.test(userId)) {
    if (Number(userId) === owner.id) return {};
    return {
      note: `USER_ID ${userId} is someone else: "me" means that person, not ${owner.name} (${owner.id}), to whom the key belongs. If that is not meant, remove USER_ID.`,
    };
  }
  const { toMe } = await import("./lookup.ts");
  try {
    toMe(owner, userId);
    return {};
  } catch (error) {
    return { problem: toMessage(error) };
  }
}

/** What went wrong with several requests in the same way is said once. */
function groupFailures(parts: readonly Part<unknown>[]): string[] {
  const groups = Map.groupBy(parts, ({ failure }) => failure);
  groups.delete(undefined);
  return [...groups].map(([failure = "", same]) => {
    const requests = same.map(({ request }) => request).join(", ");
    return toPeople(failure.replace("\0", () => requests));
  });
}

/** An assistant is told first what happened; a person, what to do about it. */
function toPeople(message: string): string {
  const [, what, said, advice] =
    /^(Backlog refused .*?) \((\d{3}(?:, "(?:[^"\\]|\\.)*")?)\)\. (.+)$/s.exec(
      message,
    ) ?? [];
  return advice === undefined ? message : `${advice} (${what}: ${said})`;
}
