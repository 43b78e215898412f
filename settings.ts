import {
  ENVIRONMENT,
  isConfigured,
  type Managed,
  NOWHERE,
  type Place,
  type Places,
  readManaged,
  readPlaces,
  type Values,
} from "./places.ts";
import { SHORTEST_KEY, toRedactor } from "./redact.ts";

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
const DOMAINS = ["backlog.com", "backlog.jp", "backlogtool.com"];

// Plain code: a schema would load valibot at every start, a megabyte.
function findKeyProblem(key = ""): string[] {
  if (key === "") return ["BACKLOG_API_KEY is not set"];
  if (!/^[\w-]+$/.test(key)) {
    return [
      "BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it",
    ];
  }
  return key.length < SHORTEST_KEY
    ? [
        `BACKLOG_API_KEY has ${key.length} characters, too few for a key: copy the whole of it`,
      ]
    : [];
}

function findDomainProblem(domain = ""): string[] {
  if (domain === "") return ["BACKLOG_DOMAIN is not set"];
  return toOrigin(domain) === undefined
    ? [`BACKLOG_DOMAIN ${describeHost(domain)}`]
    : [];
}

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

/** A BACKLOG_PROJECTS; only what all of them hold may be shown. */
export interface Restriction {
  source: string;
  projects: string[];
}

/** What the places hold, and what became of it. */
export interface Reading {
  /** `the environment`, or the file's path; empty where nothing was found. */
  source: string;
  values: Values;
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
 * `only`; restrictions from wherever the user or the company put one.
 */
export async function readSettings(
  places: Places,
  only?: string,
): Promise<Reading> {
  const company = toRule((await readManaged(places.managedFile)) ?? NOWHERE);
  const { environment, place, limiting, seen } = await readPlaces(places, only);
  const { USER_ID } = environment.values;
  const values: Values = {
    ...(company.host && { BACKLOG_DOMAIN: company.host }),
    ...place.values,
    ...(USER_ID && { USER_ID }),
  };
  const { BACKLOG_API_KEY: apiKey, BACKLOG_DOMAIN: domain } = values;
  const limits = limiting.map(toLimit);
  const unreadable = company.problem ?? place.problem;
  const problems =
    unreadable === undefined
      ? [
          ...findKeyProblem(apiKey),
          ...findDomainProblem(domain),
          ...findConflict(place, company),
          ...limits.flatMap(({ problem }) => problem ?? []),
        ]
      : [unreadable];
  const restrictions = [...limits, company].flatMap(
    ({ restriction }) => restriction ?? [],
  );
  const secrets = [...seen, company].flatMap((other) => other.secrets);
  const isTheCompanys = company.host && !place.values.BACKLOG_DOMAIN;
  const reading: Reading = {
    source: place.source,
    values,
    userIdSource: USER_ID ? ENVIRONMENT : place.source,
    domainSource: isTheCompanys ? company.source : place.source,
    restrictions,
    problems,
    notes: seen.flatMap(({ notes }) => notes),
    managed: company,
    secrets,
  };
  const origin = toOrigin(domain ?? "");
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
  if (problem !== undefined) {
    return isAbsent
      ? {}
      : { problem: `${problem}, and it may hold a BACKLOG_PROJECTS` };
  }
  const text = values.BACKLOG_PROJECTS;
  if (text === undefined) return {};
  const projects = text
    .normalize("NFKC")
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

function findConflict({ source, values }: Place, company: Rule): string[] {
  const own = toOrigin(values.BACKLOG_DOMAIN ?? "");
  const { host } = company;
  if (own === undefined || !host || own === `https://${host}`) return [];
  return [
    `BACKLOG_DOMAIN of ${source} is ${new URL(own).host}, but ${company.source} allows ${host} alone: take it out there`,
  ];
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
  const hints = notes
    .slice(0, 3)
    .map((note) => ` ${note}`)
    .join("");
  const where =
    source !== "" && isConfigured({ values })
      ? `The settings come from ${source}, all of them from this one place.`
      : source === ""
        ? "No settings were found."
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
  async read(): Promise<Reading> {
    if (this.#reading?.settings) return this.#reading;
    return this.#take(await readSettings(this.places));
  }

  /** Where to ask, with what is needed to mend a key while the program runs. */
  toConnection({ apiKey, origin, projects }: Connection): Connection {
    return {
      apiKey,
      origin,
      projects,
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

/** The shortest that BACKLOG_DOMAIN understands as this origin. */
export function toDomain(origin: string | undefined): string | undefined {
  // Without its scheme, a loopback one would be taken for http.
  return origin?.startsWith("https:") && isLoopback(origin)
    ? origin
    : origin?.replace(/^https?:\/\//, "");
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
