import * as v from "valibot";
import type { Connection } from "./backlog.ts";
import type { Client } from "./clients.ts";
import { version } from "./package.json";

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

interface CommandLine {
  command: "serve" | "check" | "config" | "version" | "help";
  client?: Client | undefined;
  envFile?: string | undefined;
}

/** Throws on anything unknown, with a message for the user. */
async function parseCommandLine(args: string[]): Promise<CommandLine> {
  if (args.length === 0) return { command: "serve" };
  const { parseArgs } = await import("node:util");
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      "env-file": { type: "string" },
      version: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const envFile = values["env-file"];
  const [command, word, ...rest] = positionals;
  if (values.help) return { command: "help" };
  if (values.version) return { command: "version" };
  if (command === undefined) return { command: "serve", envFile };
  if (command !== "check" && command !== "config") {
    throw new Error(`Unknown command '${command}'`);
  }
  if (word === undefined) return { command, envFile };
  const [unexpected] = command === "check" ? [word] : rest;
  if (unexpected !== undefined) {
    throw new Error(`Unexpected argument '${unexpected}'`);
  }
  const { CLIENTS } = await import("./clients.ts");
  const client = CLIENTS.find((name) => name === word);
  if (client === undefined) throw new Error(`Unknown client '${word}'`);
  return { command, client, envFile };
}

async function main(): Promise<void> {
  let commandLine: CommandLine;
  try {
    commandLine = await parseCommandLine(process.argv.slice(2));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // Behind the quoted option parseArgs gives a hint that is wrong here.
    const message = text.replace(/(?<=')\. .*/s, "");
    const { USAGE } = await import("./cli.ts");
    await Bun.write(Bun.stderr, `backlog-mcp: ${message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  switch (commandLine.command) {
    case "help":
      await print((await import("./cli.ts")).USAGE);
      return;
    case "version":
      await print(`${version}\n`);
      return;
    case "check":
    case "config":
      await report(commandLine);
      return;
    case "serve":
      await serve(commandLine.envFile);
  }
}

async function print(text: string): Promise<void> {
  await Bun.write(Bun.stdout, text);
}

/** `check` and `config`: what a person asks on a terminal. */
async function report(commandLine: CommandLine): Promise<void> {
  const { command, client, envFile } = commandLine;
  const { check, toConfig } = await import("./cli.ts");
  const places = toPlaces(envFile);
  const reading = await readSettings(places);
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN = "" } = reading.values;
  const found = {
    reading,
    origin: toOrigin(BACKLOG_DOMAIN),
    envFile,
    usualFiles: await places.usualFiles(),
  };
  const redact = toRedactor(BACKLOG_API_KEY);
  if (command === "check") {
    const { text, isWell } = await check(found);
    await print(redact(text));
    process.exitCode = isWell ? 0 : 1;
    return;
  }
  const { text, advice } = await toConfig(client, found, PLACEHOLDERS);
  await print(redact(text));
  // console.error writes in red on a terminal, and nothing is wrong.
  await Bun.write(Bun.stderr, `\n${redact(advice)}\n`);
}

function toPlaces(envFile: string | undefined): Places {
  return {
    environment: process.env,
    envFile,
    usualFiles: () => listUsualFiles(process.env),
  };
}

/** Serves MCP on stdio until the client has gone. */
async function serve(envFile: string | undefined): Promise<void> {
  const places = toPlaces(envFile);
  let reading = await readSettings(places);
  const [{ createServer, describeServer }, { StdioTransport }, { Backlog }] =
    await Promise.all([
      import("./tools.ts"),
      import("./stdio.ts"),
      import("./backlog.ts"),
    ]);
  let redactor = toRedactor(reading.values.BACKLOG_API_KEY);
  const redact = (text: string) => redactor(text);
  const log = (text: string) => console.error(redact(`backlog-mcp: ${text}`));
  let backlog: InstanceType<typeof Backlog> | undefined;
  const connect = async () => {
    // While they are incomplete: saving the file shall be enough.
    if (!reading.settings) {
      reading = await readSettings(places);
      redactor = toRedactor(reading.values.BACKLOG_API_KEY);
    }
    const { settings } = reading;
    if (!settings) {
      const [userFile = ""] = await places.usualFiles();
      throw new Error(toRemedy(reading, envFile ?? userFile));
    }
    backlog ??= new Backlog(settings);
    return { backlog, userId: settings.userId };
  };
  const host = reading.settings?.host;
  const server = createServer({ host, connect, now: () => new Date() });
  const transport = new StdioTransport({
    ...describeServer(host),
    redact,
    onEnd: (problem) => {
      if (problem !== undefined) log(problem);
      process.exit(problem === undefined ? 0 : 1);
    },
  });
  await server.connect(transport);
  if (reading.problems.length > 0) {
    log(
      `not configured: ${reading.problems.join("; ")}. Tool calls say what to do.`,
    );
  }
  // Asking whether this is a terminal takes 2 ms, which no client shall wait.
  setTimeout(greet, GREETING_AFTER_MS).unref();
}

/** A client has had its first answers by then; a person does not notice. */
const GREETING_AFTER_MS = 250;

/** Tells someone who started the server by hand what it is. */
async function greet(): Promise<void> {
  const { isatty } = await import("node:tty");
  if (!isatty(0)) return;
  const { HINT } = await import("./cli.ts");
  await Bun.write(Bun.stderr, HINT);
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

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(
      `backlog-mcp: ${error instanceof Error ? error.message : error}`,
    );
    process.exitCode = 1;
  });
}
