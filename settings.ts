import {
  ENVIRONMENT,
  isConfigured,
  type Managed,
  type Place,
  type Places,
  readManaged,
  readPlaces,
  type Values,
} from "./places.ts";

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

const CLOUD_HOST =
  /^(?:[a-z0-9-]{1,63}\.)+(?:backlog\.com|backlog\.jp|backlogtool\.com)$/;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** Shorter ones cannot be real keys, and would tear holes into every text. */
export const SHORTEST_KEY = 16;

// Plain code: a schema would load valibot at every start, a megabyte.
function findKeyProblem(key = ""): string | undefined {
  if (key === "") return "BACKLOG_API_KEY is not set";
  if (!/^[\w-]+$/.test(key)) {
    return "BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it";
  }
  return key.length < SHORTEST_KEY
    ? `BACKLOG_API_KEY has ${key.length} characters, too few for a key: copy the whole of it`
    : undefined;
}

function findDomainProblem(domain = ""): string | undefined {
  if (domain === "") return "BACKLOG_DOMAIN is not set";
  return toOrigin(domain) === undefined
    ? `BACKLOG_DOMAIN ${describeHost(domain)}`
    : undefined;
}

/** `https://host`, from a host or a pasted address; undefined if not allowed. */
function toOrigin(domain: string): string | undefined {
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
  return `${space}.backlog.com, ${space}.backlog.jp or ${space}.backlogtool.com`;
}

/** A BACKLOG_PROJECTS; only what all of them hold may be shown. */
interface Restriction {
  source: string;
  projects: string[];
}

/** What the places hold, and what became of it. */
export interface Reading {
  /** `the environment`, or the file's path; empty where nothing was found. */
  source: string;
  values: Values;
  /** Of BACKLOG_DOMAIN, where it is a valid one. */
  origin: string | undefined;
  /** USER_ID alone may come from the environment instead. */
  userIdSource: string;
  /** The company's place may name the domain for every source. */
  domainSource: string;
  restrictions: Restriction[];
  /** What to mend; empty where `settings` is there. */
  problems: string[];
  /** What looks like a mistake and stops nothing: a sentence each. */
  notes: string[];
  /** The company's place: what stops every call, or why it does not count. */
  managed: Pick<Managed, "problem" | "passedOver">;
  /** Whatever may be a key in what was read, wherever it was put. */
  secrets: string[];
  settings?: Connection & { host: string; userId: string | undefined };
}

/** The settings as they were found, and where they may stand. */
export interface Setup extends Omit<Places, "environment"> {
  reading: Reading;
}

/**
 * All values from the first place that has a key or a domain, or from the file
 * `only`; restrictions from wherever the user or the company put one.
 */
export function readSettings(places: Places, only?: string): Reading {
  const company = toRule(readManaged(places.managedFile));
  const { environment, place, limiting, seen } = readPlaces(places, only);
  const { USER_ID } = environment.values;
  const values: Values = {
    ...(company.host && { BACKLOG_DOMAIN: company.host }),
    ...place.values,
    ...(USER_ID && { USER_ID }),
  };
  const { BACKLOG_API_KEY: apiKey, BACKLOG_DOMAIN: domain } = values;
  const origin = toOrigin(domain ?? "");
  const limits = [...limiting].map(toLimit);
  const unreadable = company.problem ?? place.problem;
  const problems = unreadable
    ? [unreadable]
    : [
        findKeyProblem(apiKey),
        findDomainProblem(domain),
        findConflict(place, company),
        ...limits.map(({ problem }) => problem),
      ].filter((problem) => problem !== undefined);
  const restrictions = [...limits, company].flatMap(
    ({ restriction }) => restriction ?? [],
  );
  const secrets = [...seen, company].flatMap((other) => other.secrets);
  const isTheCompanys = company.host && !place.values.BACKLOG_DOMAIN;
  const reading: Reading = {
    source: place.source,
    values,
    origin,
    userIdSource: USER_ID ? ENVIRONMENT : place.source,
    domainSource: isTheCompanys ? company.source : place.source,
    restrictions,
    problems,
    notes: seen.flatMap(({ notes }) => notes),
    managed: company,
    secrets,
  };
  if (problems.length > 0 || apiKey === undefined || origin === undefined) {
    return reading;
  }
  if (place.exposed !== undefined) reading.notes.push(place.exposed);
  return {
    ...reading,
    settings: {
      apiKey,
      origin,
      host: new URL(origin).host,
      userId: values.USER_ID,
      projects: intersect(restrictions),
      redact: toRedactor(secrets),
    },
  };
}

interface Limit {
  restriction?: Restriction;
  problem?: string;
}

// As a list may be written, in keys as people write them.
const PROJECT_SEPARATORS = /[\s,、;"'[\]]+/;

function toLimit({ source, values, problem, isAbsent }: Place): Limit {
  if (problem !== undefined && !isAbsent) {
    return { problem: `${problem}, and it may hold a BACKLOG_PROJECTS` };
  }
  if (values.BACKLOG_PROJECTS === undefined) return {};
  const projects = values.BACKLOG_PROJECTS.normalize("NFKC")
    .toUpperCase()
    .split(PROJECT_SEPARATORS)
    .filter((key) => key !== "");
  const wrong = projects.find((key) => !/^[A-Z0-9_]{1,25}$/.test(key));
  if (wrong === undefined && projects.length > 0) {
    return { restriction: { source, projects } };
  }
  const shown = /^[\p{L}\p{N}_-]{1,25}$/u.test(wrong ?? "")
    ? `"${wrong}"`
    : "something";
  const what =
    wrong === undefined
      ? "names no project"
      : `has ${shown}, which is no key of a project`;
  return {
    problem: `BACKLOG_PROJECTS of ${source} ${what}: write keys, such as WEB,OPS`,
  };
}

/** What all of them hold; undefined where there is none. */
function intersect(restrictions: readonly Restriction[]) {
  const lists = restrictions.map(({ projects }) => new Set(projects));
  return lists.length === 0
    ? undefined
    : [...lists.reduce((all, one) => all.intersection(one))];
}

type Rule = Managed & Limit & { host?: string };

/** What the company's place says, or what is wrong with it. */
function toRule(place: Managed): Rule {
  if (place.problem !== undefined) return place;
  const rule = { ...place, ...toLimit(place) };
  const { BACKLOG_DOMAIN } = place.values;
  if (BACKLOG_DOMAIN === undefined) return rule;
  const origin = toOrigin(BACKLOG_DOMAIN);
  if (origin !== undefined && !isLoopback(origin)) {
    return { ...rule, host: new URL(origin).host };
  }
  const wrong = `BACKLOG_DOMAIN ${describeHost(BACKLOG_DOMAIN)}`;
  return { ...rule, problem: `${place.source}: ${wrong}` };
}

function findConflict({ source, values }: Place, company: Rule) {
  const own = toOrigin(values.BACKLOG_DOMAIN ?? "");
  const { host } = company;
  return own === undefined || !host || own === `https://${host}`
    ? undefined
    : `BACKLOG_DOMAIN of ${source} is ${new URL(own).host}, but ${company.source} allows ${host} alone: take it out there`;
}

/** What to do, for whoever reads it in the chat or in a log. */
export function toRemedy(
  { problems, notes, managed, source, values }: Reading,
  userFile: string,
): string {
  const what = problems.join("; ");
  if (managed.problem !== undefined) {
    return `backlog-mcp answers no call: ${what}. Only whoever looks after this computer can mend that; the file is read again at the next call.`;
  }
  const hints = ["", ...notes.slice(0, 3)].join(" ");
  const where =
    source === ""
      ? "No settings were found."
      : isConfigured({ values })
        ? `The settings come from ${source}, all of them from this one place.`
        : `${source} is where they were looked for.`;
  return `backlog-mcp is not configured: ${what}. ${where}${hints} Put BACKLOG_API_KEY (from Personal Settings > API in Backlog) and BACKLOG_DOMAIN (such as your-space.backlog.com) into ${userFile} or into "env" of this server in the client's configuration. A file is read again at the next call; a changed client configuration needs a restart of the server.`;
}

/** The settings while the program runs, and every key read since its start. */
export class LiveSettings {
  #reading: Reading | undefined;
  readonly #secrets = new Set<string>();
  #redactor = toRedactor([]);

  constructor(private readonly places: Places) {}

  readonly redact = (text: string): string => this.#redactor(text);

  /** Read again while they are incomplete: saving the file shall be enough. */
  read(): Reading {
    if (!this.#reading?.settings) this.#reading = this.#readAgain();
    return this.#reading;
  }

  /** Where to ask, with what is needed to mend a key while the program runs. */
  toConnection({ apiKey, origin, projects }: Connection): Connection {
    return {
      apiKey,
      origin,
      projects,
      redact: this.redact,
      renew: async () => this.#renew({ apiKey, origin }),
    };
  }

  #renew({ apiKey, origin }: Connection): Connection | undefined {
    const { source } = this.read();
    if (source === ENVIRONMENT) return undefined;
    const reading = this.#readAgain(source);
    const { settings, problems } = reading;
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

  #readAgain(only?: string): Reading {
    const reading = readSettings(this.places, only);
    for (const secret of reading.secrets) this.#secrets.add(secret);
    this.#redactor = toRedactor(this.#secrets);
    return reading;
  }
}

/** The shortest that BACKLOG_DOMAIN understands as this origin. */
export function toDomain(origin: string | undefined): string | undefined {
  // Without its scheme, a loopback one would be taken for http.
  return origin?.startsWith("https:") && isLoopback(origin)
    ? origin
    : origin?.replace(/^https?:\/\//, "");
}

/** What a file holds, whatever the environment has; the company's completes it. */
export function readAlone(
  envFile: string,
  { managedFile }: Pick<Places, "managedFile">,
): Reading {
  const environment = {};
  return readSettings({ environment, envFile, usualFiles: [], managedFile });
}

/** The file that would count if the environment had no settings. */
export function findHiddenFile(found: Setup): string | undefined {
  const { reading, envFile, usualFiles } = found;
  const file = envFile ?? usualFiles[0];
  if (reading.source !== ENVIRONMENT || !file) return undefined;
  return isConfigured(readAlone(file, {})) ? file : undefined;
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
    pattern ??= new RegExp(secrets.map(toWritings).join("|"), "giv");
    return text.replace(pattern, "[API key]");
  };
}

/** All that was set, and what could be a key in it, in pieces of a fair size. */
function toSecrets(set: string): string[] {
  return [set, ...(set.match(/[\w-]+/g) ?? [])].flatMap(
    (text) => text.match(/.{16,128}/gs) ?? [],
  );
}

/**
 * Cleaning takes these out of a text, and would join the parts of a key.
 * Default_Ignorable_Code_Point is Unicode's own list of what shows nothing:
 * zero widths, fillers, selectors, tags, direction marks and isolates.
 */
export const INVISIBLE =
  "[\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffb\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u{e0000}-\\u{e007f}]";
const ESCAPED = new RegExp(
  `[%&\\uff0d-\\uff5a]|\\\\[ux0-7_\\-]|${INVISIBLE}`,
  "v",
);
const toUrl = (hex: string) => `%(?:25){0,3}${hex}`;
const BACKSLASHES = `(?:\\\\|${toUrl("5c")}){1,8}`;
const ENTITY = `(?:&(?:amp;){0,3}|${toUrl("26")})`;
const NUMBER = `(?:#|${toUrl("23")})`;
const END = `(?:;|${toUrl("3b")})?`;
function toWritings(secret: string): string {
  return [...secret].map(toWriting).join(`${INVISIBLE}*`);
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
  const script = [
    `u00${hex}`,
    `x${hex}`,
    `u\\{0{0,6}${hex}\\}`,
    `0?(?:${inBase(8)})`,
    // As Markdown writes these two.
    ...(/[_-]/.test(character) ? [plain] : []),
  ];
  return `(?:${[
    `[${plain}${fullWidth}]`,
    toUrl(hex),
    `${BACKSLASHES}(?:${script.join("|")})`,
    `${ENTITY}${NUMBER}(?:0{0,6}(?:${inBase(10)})|x0{0,6}${hex})${END}`,
  ].join("|")})`;
}
