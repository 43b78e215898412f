import * as v from "valibot";

/** Where a space answers, and the key it is asked with. */
export interface Connection {
  /** Such as `https://your-space.backlog.com`. */
  origin: string;
  apiKey: string;
  /** Takes every key read since the start out of a text. */
  redact?: (text: string) => string;
  /**
   * The settings as they stand now in the same source; undefined where nothing
   * changed. Throws what to do where they name another space.
   */
  renew?: () => Promise<Connection | undefined>;
  /** Keys of the only projects that may be shown; undefined: all. */
  projects?: readonly string[] | undefined;
}

/** What `.env.example` says in the places to fill in: as good as nothing. */
export const PLACEHOLDERS = {
  BACKLOG_API_KEY: "your-api-key",
  BACKLOG_DOMAIN: "your-space.backlog.com",
} as const;

const VARIABLES = ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", "USER_ID"] as const;
type Values = Partial<Record<(typeof VARIABLES)[number], string>>;

const CLOUD_HOST =
  /^(?:[a-z0-9-]+\.)+(?:backlog\.com|backlog\.jp|backlogtool\.com)$/;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const HOSTS =
  "use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com";

const ApiKeySchema = v.pipe(
  v.optional(v.string(), ""),
  v.nonEmpty("BACKLOG_API_KEY is not set"),
  v.regex(
    /^[\x21-\x7e]+$/,
    "BACKLOG_API_KEY holds a space, a control character or a letter that no key has: copy the key again",
  ),
);

const DomainSchema = v.pipe(
  v.optional(v.string(), ""),
  v.nonEmpty("BACKLOG_DOMAIN is not set"),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const origin = toOrigin(dataset.value);
    if (origin !== undefined) return origin;
    const shown = quoteDomain(dataset.value);
    addIssue({ message: `BACKLOG_DOMAIN is ${shown}: ${HOSTS}` });
    return NEVER;
  }),
);

const SettingsSchema = v.object({
  BACKLOG_API_KEY: ApiKeySchema,
  BACKLOG_DOMAIN: DomainSchema,
  USER_ID: v.optional(v.string()),
});

/** `https://host`, from a host or a pasted address; undefined if not allowed. */
export function toOrigin(domain: string): string | undefined {
  const text = domain.normalize("NFKC");
  const bare = text.replace(/^https?:\/\//i, "");
  const scheme = /^http:\/\//i.test(text) ? "http" : "https";
  if (!URL.canParse(`${scheme}://${bare}`)) return undefined;
  const { hostname, host, port } = new URL(`${scheme}://${bare}`);
  if (LOOPBACK.includes(hostname)) {
    // A bare localhost:8787 is the demo's, which speaks no TLS.
    const plain = text === bare || scheme === "http";
    return `${plain ? "http" : "https"}://${host}`;
  }
  const name = hostname.replace(/\.$/, "");
  return CLOUD_HOST.test(name) && port === "" ? `https://${name}` : undefined;
}

/** Whether an origin is this machine itself: for tests and the demo. */
export function isLoopback(origin: string): boolean {
  return LOOPBACK.includes(new URL(origin).hostname);
}

/** Less what may hold a key: a query, or a key put into the wrong place. */
function quoteDomain(domain: string): string {
  const text = domain.replace(/[?#].*/s, "");
  return /^[a-z0-9]{24,}$/i.test(text)
    ? "what looks like an API key"
    : JSON.stringify(text.slice(0, 100));
}

/** Where settings are looked for. */
export interface Places {
  environment: Record<string, string | undefined>;
  /** Named by `--env-file`. */
  envFile?: string | undefined;
  /** The usual `.env` files, in order; asked only when they are needed. */
  usualFiles: () => Promise<string[]>;
}

/** What a place holds, and what became of it. */
export interface Reading {
  /** `the environment`, or the file's path. */
  source: string;
  values: Values;
  /** USER_ID alone may come from the environment instead. */
  userIdSource: string;
  /** What to mend; empty where `settings` is there. */
  problems: string[];
  settings?: Connection & { host: string; userId: string | undefined };
}

/** The settings as they were found, and where they may stand. */
export interface Found {
  reading: Reading;
  /** Of BACKLOG_DOMAIN, where it is a valid one. */
  origin: string | undefined;
  /** As named by `--env-file`. */
  envFile: string | undefined;
  /** The user's own, the one beside the program, the working folder's. */
  usualFiles: readonly string[];
}

/** All values from the first place that has a key or a domain. */
export async function readSettings(places: Places): Promise<Reading> {
  const own = toValues(places.environment);
  const found = await findSource(places, own);
  const { values, source, problem } = found;
  const fromEnvironment = own.USER_ID !== undefined;
  const merged = {
    ...values,
    ...(fromEnvironment && { USER_ID: own.USER_ID }),
  };
  const base = {
    source,
    values: merged,
    userIdSource: fromEnvironment ? "the environment" : source,
  };
  if (problem !== undefined) return { ...base, problems: [problem] };
  const result = v.safeParse(SettingsSchema, merged, { abortPipeEarly: true });
  if (!result.success) {
    const problems = result.issues.map(({ message }) => message);
    return { ...base, problems };
  }
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN, USER_ID } = result.output;
  return {
    ...base,
    problems: [],
    settings: {
      apiKey: BACKLOG_API_KEY,
      origin: BACKLOG_DOMAIN,
      host: new URL(BACKLOG_DOMAIN).host,
      userId: USER_ID,
    },
  };
}

interface Source {
  source: string;
  values: Values;
  problem?: string;
}

async function findSource(places: Places, own: Values): Promise<Source> {
  if (isConfigured(own)) return { source: "the environment", values: own };
  if (places.envFile !== undefined) {
    const { values, error } = await readEnvFile(places.envFile);
    const problem = error
      ? `${places.envFile}, named by --env-file, cannot be read (${error})`
      : undefined;
    return { source: places.envFile, values, ...(problem && { problem }) };
  }
  for (const file of await places.usualFiles()) {
    const { values, error } = await readEnvFile(file);
    // Somebody put it there to be read: passing it over would surprise.
    if (error && !["ENOENT", "ENOTDIR", "EISDIR"].includes(error)) {
      return {
        source: file,
        values,
        problem: `${file} cannot be read (${error})`,
      };
    }
    if (isConfigured(values)) return { source: file, values };
  }
  return { source: "", values: {} };
}

function isConfigured({ BACKLOG_API_KEY, BACKLOG_DOMAIN }: Values): boolean {
  return BACKLOG_API_KEY !== undefined || BACKLOG_DOMAIN !== undefined;
}

async function readEnvFile(
  path: string,
): Promise<{ values: Values; error?: string }> {
  try {
    const [{ readFile }, { parseEnv }] = await Promise.all([
      import("node:fs/promises"),
      import("node:util"),
    ]);
    const text = await readFile(path, "utf8");
    return { values: toValues(parseEnv(text.replace(/^\ufeff/, ""))) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    return { values: {}, error: String(code || error) };
  }
}

/** Our three names only; what was never filled in counts as not set. */
function toValues(variables: Record<string, string | undefined>): Values {
  const values: Values = {};
  for (const name of VARIABLES) {
    const value = variables[name]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, "$2")
      .trim();
    const placeholder = name === "USER_ID" ? undefined : PLACEHOLDERS[name];
    if (!value || value.includes("${") || value === placeholder) continue;
    values[name] = value;
  }
  return values;
}

/** What to do, for whoever reads it in the chat or in a log. */
export function toRemedy(
  { problems, source, values }: Reading,
  userFile: string,
): string {
  const what = problems.join("; ");
  const where = isConfigured(values)
    ? `The settings come from ${source}, all of them from this one place.`
    : source === ""
      ? "No settings were found."
      : `${source} is where they were looked for.`;
  return `backlog-mcp is not configured: ${what}. ${where} Put BACKLOG_API_KEY (from Personal Settings > API in Backlog) and BACKLOG_DOMAIN (such as your-space.backlog.com) into ${userFile} or into "env" of this server in the client's configuration. A file is read again at the next call; a changed client configuration needs a restart of the server.`;
}

/** The usual `.env` files: the user's folder, the program's, this one. */
export async function listUsualFiles(
  environment: Record<string, string | undefined>,
  platform: string = process.platform,
): Promise<string[]> {
  const { posix, win32 } = await import("node:path");
  const { dirname, isAbsolute, join } = platform === "win32" ? win32 : posix;
  const { homedir } = await import("node:os");
  const home = environment.HOME || homedir();
  const xdg = environment.XDG_CONFIG_HOME ?? "";
  const folder =
    platform === "win32"
      ? environment.APPDATA || join(home, "AppData", "Roaming")
      : isAbsolute(xdg)
        ? xdg
        : join(home, ".config");
  return [
    join(folder, "backlog-mcp", ".env"),
    join(dirname(process.execPath), ".env"),
    join(process.cwd(), ".env"),
  ];
}
/** Shorter ones cannot be real keys, and would tear holes into every text. */
const SHORTEST_SECRET = 16;

/** Takes the key out of texts: plain, escaped, or URL-encoded by any rule. */
export function toRedactor(key = ""): (text: string) => string {
  if (key.length < SHORTEST_SECRET) return (text) => text;
  // Built once: a pattern for every text would take 2 ms of the start.
  const pattern = new RegExp([...key].map(toWritings).join(""), "g");
  // Most texts of tools/list are too short to hold it.
  return (text) =>
    text.length < key.length ? text : text.replace(pattern, "[API key]");
}

function toWritings(character: string): string {
  const hex = character.charCodeAt(0).toString(16).padStart(2, "0");
  const digits = hex.replace(
    /[a-f]/g,
    (digit) => `[${digit}${digit.toUpperCase()}]`,
  );
  // Few, since a text of nothing but backslashes shall not take minutes.
  if (character === "\\") return `(?:\\\\{1,4}|%${digits})`;
  return `(?:\\\\{0,4}(?:${RegExp.escape(character)}|u00${digits})|%${digits})`;
}

/** The shortest that BACKLOG_DOMAIN understands as this origin. */
export function toDomain(origin: string | undefined): string | undefined {
  const isLoopback = /^https:\/\/(localhost|127\.|\[)/.test(origin ?? "");
  return isLoopback ? origin : origin?.replace(/^https?:\/\//, "");
}

/** What a file holds, whatever the environment has. */
export function readAlone(envFile: string): Promise<Reading> {
  return readSettings({
    environment: {},
    envFile,
    usualFiles: async () => [],
  });
}

/** The file that would count if the environment had no settings. */
export async function findHiddenFile(
  found: Found,
): Promise<string | undefined> {
  const { reading, envFile, usualFiles } = found;
  const file = envFile ?? usualFiles[0];
  if (reading.source !== "the environment" || !file) return undefined;
  const { values } = await readAlone(file);
  return (values.BACKLOG_API_KEY ?? values.BACKLOG_DOMAIN) && file;
}
