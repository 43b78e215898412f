import * as v from "valibot";
import { type EnvFile, readEnvFile } from "./env-file.ts";

/** Where a space answers, and the key it is asked with. */
export interface Connection {
  /** Such as `https://your-space.backlog.com`. */
  origin: string;
  apiKey: string;
  /** Keys of the only projects that may be shown; undefined: all. */
  projects?: readonly string[] | undefined;
  /** Takes every key out of a text; what comes in passes it before it is cut. */
  redact?: (text: string) => string;
  /**
   * After a 401: what the same source holds now, if it is another key. Throws
   * where only a restart or somebody's hand can help.
   */
  renew?: () => Promise<Connection | undefined>;
}

/** What `.env.example` says in the places to fill in: as good as nothing. */
export const PLACEHOLDERS = {
  BACKLOG_API_KEY: "your-api-key",
  BACKLOG_DOMAIN: "your-space.backlog.com",
} as const;

const VARIABLES = ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", "USER_ID"] as const;
type Values = Partial<Record<(typeof VARIABLES)[number], string>>;

/** Shorter ones cannot be real keys, and would tear holes into every text. */
const SHORTEST_KEY = 16;

const CLOUD_HOST =
  /^(?:[a-z0-9-]{1,63}\.)+(?:backlog\.com|backlog\.jp|backlogtool\.com)$/;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const DOMAINS = ["backlog.com", "backlog.jp", "backlogtool.com"];

const ApiKeySchema = v.pipe(
  v.optional(v.string(), ""),
  v.nonEmpty("BACKLOG_API_KEY is not set"),
  v.regex(
    /^[\w-]+$/,
    "BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it",
  ),
  v.minLength(
    SHORTEST_KEY,
    ({ received }) =>
      `BACKLOG_API_KEY has ${received} characters, too few for a key: copy the whole of it`,
  ),
);

const DomainSchema = v.pipe(
  v.optional(v.string(), ""),
  v.nonEmpty("BACKLOG_DOMAIN is not set"),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const origin = toOrigin(dataset.value);
    if (origin !== undefined) return origin;
    addIssue({ message: `BACKLOG_DOMAIN ${describeHost(dataset.value)}` });
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

/** Never more than the host: a key may have been put into any other part. */
function describeHost(domain: string): string {
  const rest = domain.normalize("NFKC").replace(/^[a-z]+:\/\//i, "");
  const host = rest.replace(/[/?#\\].*$/s, "").replace(/^.*@/s, "");
  if (/^[\p{L}\p{N}-]{1,15}$/u.test(host)) {
    return `is "${host}": write ${listHosts(host)}, whichever your browser shows`;
  }
  const isName = /^[\p{L}\p{N}._:[\]-]{1,100}$/u.test(host);
  const known = isName && !/[\p{L}\p{N}_-]{16,}/u.test(host);
  const what = known ? `is ${JSON.stringify(host)}` : "names no space";
  return `${what}: use ${listHosts("your-space")}`;
}

function listHosts(space: string): string {
  const hosts = DOMAINS.map((domain) => `${space}.${domain}`);
  return hosts.join(", ").replace(/, (?=[^,]+$)/, " or ");
}

const ENVIRONMENT = "the environment";

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
  /** Whatever may be a key in what was read, wherever it was put. */
  secrets: string[];
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

/**
 * All values from the first place that has a key or a domain, or from the file
 * `only`.
 */
export async function readSettings(
  places: Places,
  only?: string,
): Promise<Reading> {
  const own = toValues(places.environment);
  const secrets = listSecrets(places.environment);
  const readFile = async (path: string) => {
    const file = await readEnvFile(path);
    secrets.push(...listSecrets(file.variables));
    return { ...file, values: toValues(file.variables) };
  };
  const { values, source, problem } =
    only === undefined
      ? await findSource(places, own, readFile)
      : await readNamed(only, readFile);
  const fromEnvironment = own.USER_ID !== undefined;
  const merged = {
    ...values,
    ...(fromEnvironment && { USER_ID: own.USER_ID }),
  };
  const base = {
    source,
    secrets,
    values: merged,
    userIdSource: fromEnvironment ? ENVIRONMENT : source,
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
      redact: toRedactor(secrets),
    },
  };
}

interface Source {
  source: string;
  values: Values;
  problem?: string;
}

type ReadFile = (path: string) => Promise<EnvFile & { values: Values }>;

async function findSource(
  { envFile, usualFiles }: Places,
  own: Values,
  readFile: ReadFile,
): Promise<Source> {
  if (isConfigured(own)) return { source: ENVIRONMENT, values: own };
  if (envFile !== undefined) {
    return readNamed(envFile, readFile, ", named by --env-file,");
  }
  for (const path of await usualFiles()) {
    const { values, error, isAbsent } = await readFile(path);
    // Somebody put it there to be read: passing it over would surprise.
    if (error && !isAbsent) {
      return { source: path, values, problem: `${path} ${error}` };
    }
    if (isConfigured(values)) return { source: path, values };
  }
  return { source: "", values: {} };
}

async function readNamed(
  path: string,
  readFile: ReadFile,
  named = "",
): Promise<Source> {
  const { values, error } = await readFile(path);
  const problem = error && `${path}${named} ${error}`;
  return { source: path, values, ...(problem && { problem }) };
}

function isConfigured({ BACKLOG_API_KEY, BACKLOG_DOMAIN }: Values): boolean {
  return BACKLOG_API_KEY !== undefined || BACKLOG_DOMAIN !== undefined;
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
/** The settings while the program runs, and every key read since its start. */
export class LiveSettings {
  #reading: Reading | undefined;
  readonly #secrets = new Set<string>();
  #redactor = toRedactor([]);

  constructor(private readonly places: Places) {}

  readonly redact = (text: string): string => this.#redactor(text);

  /** Read again while they are incomplete: saving the file shall be enough. */
  async read(): Promise<Reading> {
    if (this.#reading?.settings) return this.#reading;
    return this.#take(await readSettings(this.places));
  }

  /** Where to ask, with what is needed to mend a key while the program runs. */
  toConnection({ apiKey, origin }: Connection): Connection {
    return {
      apiKey,
      origin,
      redact: this.redact,
      renew: () => this.#renew({ apiKey, origin }),
    };
  }

  async #renew({ apiKey, origin }: Connection) {
    const { source } = await this.read();
    if (source === ENVIRONMENT) return undefined;
    const reading = await readSettings(this.places, source);
    const { settings, problems } = reading;
    this.#learn(reading);
    if (settings === undefined) {
      throw new Error(
        `Backlog refused the API key (401), and ${source} holds no other: ${problems.join("; ")}. It is read again at the next call.`,
      );
    }
    if (settings.origin !== origin) {
      throw new Error(
        `Backlog refused the API key (401). ${source} now names ${settings.host}, but this program speaks to ${new URL(origin).host} until it is restarted. Restart the server in the client; retrying will not help before that.`,
      );
    }
    if (settings.apiKey === apiKey) return undefined;
    this.#reading = reading;
    return this.toConnection(settings);
  }

  #take(reading: Reading): Reading {
    this.#learn(reading);
    this.#reading = reading;
    return reading;
  }

  #learn({ secrets }: Reading): void {
    if (secrets.every((secret) => this.#secrets.has(secret))) return;
    for (const secret of secrets) this.#secrets.add(secret);
    this.#redactor = toRedactor(this.#secrets);
  }
}

/** A key may have been put under a wrong name, or into the wrong place. */
function listSecrets(variables: Record<string, string | undefined>): string[] {
  return Object.entries(variables).flatMap(([name, value = ""]) => {
    if (!/^(?:BACKLOG|USER_ID$)/i.test(name)) return [];
    if (/KEY|TOKEN/i.test(name)) return [value.trim()];
    return toOrigin(value) === undefined ? listLikeKeys(value) : [];
  });
}

/** What looks like a key, in a text where none belongs. */
export function listLikeKeys(text: string): string[] {
  return text.normalize("NFKC").match(/[a-z0-9]{32,}/gi) ?? [];
}

/**
 * Takes keys out of texts, in any case: plain, URL-encoded once or twice, or as
 * JSON, JavaScript, HTML or Markdown may write them. In proportion to the text,
 * whatever it is and whatever was set as a key.
 */
export function toRedactor(keys: Iterable<string>): (text: string) => string {
  const secrets = [...new Set([...keys].flatMap(toSecrets))];
  // What is part of another one comes behind it.
  secrets.sort((a, b) => b.length - a.length);
  const plain = secrets.map((secret) => secret.toLowerCase());
  let pattern: RegExp | undefined;
  return (text) => {
    if (secrets.length === 0 || text.length < SHORTEST_KEY) return text;
    if (!ESCAPED.test(text)) {
      const lower = text.toLowerCase();
      if (!plain.some((secret) => lower.includes(secret))) return text;
    }
    // Takes milliseconds, and most runs of the program never need it.
    pattern ??= new RegExp(secrets.map(toWritings).join("|"), "gi");
    return text.replace(pattern, "[API key]");
  };
}

/** All that was set, and what could be a key in it, in pieces of a fair size. */
function toSecrets(set: string): string[] {
  return [set, ...(set.match(/[\w-]+/g) ?? [])].flatMap(
    (text) => text.match(/.{16,128}/gs) ?? [],
  );
}

// Cleaning takes these out of a text, and would join the parts of a key.
const BETWEEN = "[\\u00ad\\u200b-\\u200f\\u2060-\\u2064\\ufeff]*";
const ESCAPED =
  /[%&]|\\[ux0-7_-]|[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\uff0d-\uff5a]/;
const toUrl = (hex: string) => `%(?:25){0,3}${hex}`;
const BACKSLASHES = `(?:\\\\|${toUrl("5c")}){1,8}`;
const ENTITY = `(?:&(?:amp;){0,3}|${toUrl("26")})`;
const NUMBER = `(?:#|${toUrl("23")})`;
const END = `(?:;|${toUrl("3b")})?`;
const ENTITY_NAMES: Record<string, string> = {
  _: "lowbar|underbar",
  "-": "hyphen|dash",
};

function toWritings(secret: string): string {
  return [...secret].map(toWriting).join(BETWEEN);
}

/** Each repetition is bounded, and no two ways of reading begin alike. */
function toWriting(character: string): string {
  const plain = RegExp.escape(character);
  if (!/[\w-]/.test(character)) return plain;
  const codes = [character.toLowerCase(), character.toUpperCase()];
  const inBase = (base: number) =>
    codes.map((text) => text.charCodeAt(0).toString(base)).join("|");
  const hex = `(?:${inBase(16)})`;
  const fullWidth = String.fromCharCode(character.charCodeAt(0) + 0xfee0);
  const named = ENTITY_NAMES[character];
  const script = [
    `u00${hex}`,
    `x${hex}`,
    `u\\{0{0,6}${hex}\\}`,
    `0?(?:${inBase(8)})`,
    ...(named === undefined ? [] : [plain]),
  ];
  const entity = [
    `${NUMBER}(?:0{0,6}(?:${inBase(10)})|x0{0,6}${hex})`,
    ...(named === undefined ? [] : [named]),
  ];
  return `(?:${[
    `[${plain}${fullWidth}]`,
    toUrl(hex),
    `${BACKSLASHES}(?:${script.join("|")})`,
    `${ENTITY}(?:${entity.join("|")})${END}`,
  ].join("|")})`;
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
  if (reading.source !== ENVIRONMENT || !file) return undefined;
  const { values } = await readAlone(file);
  return (values.BACKLOG_API_KEY ?? values.BACKLOG_DOMAIN) && file;
}
