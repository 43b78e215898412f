import type { Stats } from "node:fs";

/** What `.env.example` says in the places to fill in: as good as nothing. */
export const PLACEHOLDERS = {
  BACKLOG_API_KEY: "your-api-key",
  BACKLOG_DOMAIN: "your-space.backlog.com",
} as const;

const VARIABLES = [
  "BACKLOG_API_KEY",
  "BACKLOG_DOMAIN",
  "USER_ID",
  "BACKLOG_PROJECTS",
] as const;
type Variables = Record<string, string | undefined>;
export type Values = Partial<Record<(typeof VARIABLES)[number], string>>;

export const ENVIRONMENT = "the environment";

/** Where settings are looked for. */
export interface Places {
  environment: Variables;
  /** Named by `--env-file`. */
  envFile?: string | undefined;
  /** The usual `.env` files, in order, the user's own first. */
  usualFiles: readonly string[];
  /** The company's; it counts where its owner (0 is root) has it alone. */
  managedFile?: { path: string; owner: number } | undefined;
}

/** The places of this process; the file is the one of `--env-file`. */
export function toPlaces(envFile?: string): Places {
  return {
    environment: process.env,
    envFile,
    usualFiles: listUsualFiles(process.env),
    managedFile: toManagedFile(process.platform),
  };
}

/** What one of them holds. */
export interface Place {
  /** `the environment`, or the file's path; empty where there is none. */
  source: string;
  values: Values;
  /** What looks like a mistake and stops nothing: a sentence each. */
  notes: string[];
  /** That others may read it, where it holds a key: a sentence. */
  exposed?: string;
  /** Whatever may be a key, wherever it was put. */
  secrets: string[];
  /** Why it could not be read. */
  problem?: string;
  /** Nothing is there that was put there to be read. */
  isAbsent?: boolean | undefined;
}

const NOWHERE: Place = { source: "", values: {}, notes: [], secrets: [] };

/** Our names only; what was never filled in counts as not set. */
function toPlace(source: string, variables: Variables = {}): Place {
  const values: Values = {};
  const notes: string[] = [];
  for (const name of VARIABLES) {
    const value = variables[name]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, "$2")
      .trim();
    if (value === undefined) continue;
    const unset = describeUnset(value);
    if (unset === undefined) values[name] = value;
    // The forms of some clients leave it so where nothing was filled in.
    else if (name !== "USER_ID") {
      notes.push(`${name} of ${source} ${unset}, so it counts as not set.`);
    }
  }
  for (const name of Object.keys(variables)) {
    const [, meant] = MEANT.find(([shape]) => shape.test(name)) ?? [];
    if (meant && variables[meant] === undefined && /^\w{1,60}$/.test(name)) {
      notes.push(`${name} of ${source} is read by nothing; use ${meant}.`);
    }
  }
  return { source, values, notes, secrets: listSecrets(variables) };
}

function describeUnset(value: string): string | undefined {
  if (value === "") return "is empty";
  if (value.includes("${")) return "holds a variable that nothing filled in";
  return Object.values<string>(PLACEHOLDERS).includes(value)
    ? "still holds the placeholder of .env.example"
    : undefined;
}

const MEANT = [
  [/^BACKLOG.*PROJ/i, "BACKLOG_PROJECTS"],
  [/^(?:BACKLOG_?)?USER_?ID$/i, "USER_ID"],
  [/^BACKLOG.*(?:KEY|TOKEN)/i, "BACKLOG_API_KEY"],
  [/^BACKLOG.*(?:DOMAIN|HOST|SPACE|URL)/i, "BACKLOG_DOMAIN"],
] as const;

/** A key may have been put under a wrong name, or into the wrong place. */
function listSecrets(variables: Variables): string[] {
  return Object.entries(variables).flatMap(([name, value = ""]) => {
    if (!/^(?:BACKLOG|USER_ID$)/i.test(name)) return [];
    if (/KEY|TOKEN/i.test(name)) return [value.trim()];
    // The name of a space may be as long.
    return listLikeKeys(value.replace(SPACE, ""));
  });
}

const SPACE = /[a-z0-9.-]+\.backlog(?:tool)?\.(?:com|jp)/i;

/** What looks like a key, in a text where none belongs. */
function listLikeKeys(text: string): string[] {
  return text.normalize("NFKC").match(/[a-z0-9]{32,}/gi) ?? [];
}

/** Whether it has a key or a domain: all values then come from this place. */
export function isConfigured({ values }: Pick<Place, "values">): boolean {
  return Boolean(values.BACKLOG_API_KEY ?? values.BACKLOG_DOMAIN);
}

/**
 * Reads the places in their order until one has a key or a domain: `place`.
 * `limiting` are those that may restrict it, `seen` are all that were read.
 */
export function readPlaces(places: Places, only?: string) {
  const { envFile, usualFiles } = places;
  const environment = toPlace(ENVIRONMENT, places.environment);
  const seen = [environment];
  const read = (path: string, named?: string): Place => {
    const known = seen.find(({ source }) => source === path);
    if (known !== undefined) return known;
    const place = readPlace(path, named);
    seen.push(place);
    return place;
  };
  if (envFile !== undefined) read(envFile, ", named by --env-file,");
  // The user's own file restricts wherever the settings come from.
  for (const path of usualFiles.slice(0, 1)) read(path);
  const limiting = new Set(seen);
  const find = (): Place => {
    if (only !== undefined) return read(only);
    if (isConfigured(environment)) return environment;
    if (envFile !== undefined) return read(envFile);
    for (const path of usualFiles) {
      const place = read(path);
      // Somebody put it there to be read: passing it over would surprise.
      const isUnreadable = place.problem !== undefined && !place.isAbsent;
      if (isUnreadable || isConfigured(place)) return place;
    }
    return NOWHERE;
  };
  const place = find();
  limiting.add(place);
  if (place === NOWHERE || place.isAbsent) {
    const paths = envFile === undefined ? usualFiles : [envFile];
    seen.push({ ...NOWHERE, notes: paths.flatMap(describeWrongEnding) });
  }
  return { environment, place, limiting, seen };
}

/** A file of settings; `named` says where it was named. Never waits or throws. */
function readPlace(path: string, named = ""): Place {
  const { variables, stats, error, isAbsent } = readEnvFile(path);
  const place = toPlace(path, variables);
  if (error) return { ...place, problem: `${path}${named} ${error}`, isAbsent };
  const mode = toMode(stats);
  // On Windows the mode tells nothing.
  const isOpen = process.platform !== "win32" && (mode & 0o077) !== 0;
  if (!isOpen) return place;
  const exposed = `${path} holds a key, and others on this computer may read it (mode ${mode.toString(8)}): chmod 600 keeps it yours.`;
  return { ...place, exposed };
}

function toMode(stats: Stats | undefined): number {
  return (stats?.mode ?? 0) & 0o777;
}

/** Windows hides how a name ends, and its editor ends each with .txt. */
function describeWrongEnding(path: string): string[] {
  return readEnvFile(`${path}.txt`).isAbsent
    ? []
    : [
        `${path}.txt is there, but only ${path} is read: take .txt off its name.`,
      ];
}

/** The company's place, or why it does not count. */
export interface Managed extends Place {
  /** A sentence. */
  passedOver?: string;
}

/** Where the company's settings stand; on Windows nowhere. */
export function toManagedFile(platform: string) {
  const folder = new Map([
    ["linux", "/etc"],
    ["darwin", "/Library/Application Support"],
  ]).get(platform);
  const path = `${folder}/backlog-mcp/managed.env`;
  return folder === undefined ? undefined : { path, owner: 0 };
}

/**
 * It counts only if its owner has it alone. One that does is understood to the
 * last line, or has a problem, so that a slip of the pen restricts no less.
 */
export function readManaged(file: Places["managedFile"]): Managed {
  if (file === undefined) return NOWHERE;
  const { path } = file;
  const { stats, text = "", variables, error, isAbsent } = readEnvFile(path);
  // A folder of that name is there, and has an owner.
  if (isAbsent && stats === undefined) return NOWHERE;
  const mode = toMode(stats);
  const passedOver =
    stats && stats.uid !== file.owner
      ? "it does not belong to root"
      : (mode & 0o022) !== 0
        ? `others than root may write to it (mode ${mode.toString(8)})`
        : undefined;
  if (passedOver !== undefined) {
    return { ...NOWHERE, passedOver: `${path} does not count: ${passedOver}.` };
  }
  const place = toPlace(path, variables);
  const problem = error ?? findManagedProblem(text, place.values);
  return problem === undefined
    ? place
    : { ...place, problem: `${path}, this computer's own, ${problem}` };
}

const MANAGED_LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/;

function findManagedProblem(text: string, values: Values): string | undefined {
  const names = new Set<string>();
  for (const line of text.split(/\r\n?|\n/)) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, name] = MANAGED_LINE.exec(line) ?? [];
    if (name === undefined) return "has a line that is no NAME=VALUE";
    if (name === "BACKLOG_API_KEY")
      return "holds a key, which is each user's own";
    if (name !== "BACKLOG_DOMAIN" && name !== "BACKLOG_PROJECTS") {
      return "holds more than BACKLOG_DOMAIN and BACKLOG_PROJECTS";
    }
    if (names.has(name)) return `sets ${name} twice`;
    if (values[name] === undefined) return `leaves ${name} to be filled in`;
    names.add(name);
  }
  return names.size > 0 ? undefined : "sets nothing";
}

/** A file as it was read, or why it could not be. */
interface EnvFile {
  text?: string;
  /** By name, as the runtime's own parser reads them. */
  variables?: Variables;
  /** Unknown of what is absent, or where even that is refused. */
  stats?: Stats | undefined;
  /** Such as `cannot be read (EACCES)`. */
  error?: string;
  isAbsent?: boolean;
}

/** No file of settings is longer; a device or a wrong path may be endless. */
const MOST_BYTES = 64 * 1024;

/** Reads a regular file of at most 64 KiB; never waits, never throws. */
function readEnvFile(path: string): EnvFile {
  // Not asynchronous: promises of it begin a thread, which on a busy machine
  // takes as long as all the rest of a start. What is opened so never waits.
  const fs = process.getBuiltinModule("node:fs");
  let stats: Stats | undefined;
  try {
    // First the path: to open a pipe or a device may wait on Windows, and most
    // of these files are absent, which costs less to be told than to be thrown.
    stats = fs.statSync(path, { throwIfNoEntry: false });
    const unfit = stats ? refuse(stats) : ABSENT;
    if (unfit) return { stats, ...unfit };
    const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = fs.constants;
    const file = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    using _ = { [Symbol.dispose]: () => fs.closeSync(file) };
    // Then what is open: the path may mean something else by now.
    stats = fs.fstatSync(file);
    const refused = refuse(stats);
    if (refused) return { stats, ...refused };
    const buffer = new Uint8Array(MOST_BYTES + 1);
    let bytes = 0;
    for (let read = -1; read !== 0 && bytes < buffer.length; bytes += read) {
      read = fs.readSync(file, buffer, { offset: bytes });
    }
    if (bytes > MOST_BYTES) {
      const error = `is larger than ${MOST_BYTES / 1024} KiB, which no file of settings is`;
      return { stats, error };
    }
    // PowerShell's > writes UTF-16.
    const isUtf16 = buffer[0] === 0xff && buffer[1] === 0xfe;
    const text = new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(
      buffer.subarray(0, bytes),
    );
    return { stats, text, variables: parseVariables(text) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    return {
      stats,
      error: `cannot be read (${code})`,
      isAbsent: ["ENOENT", "ENOTDIR"].includes(String(code)),
    };
  }
}

const ABSENT = { error: "cannot be read (ENOENT)", isAbsent: true };

/**
 * As the runtime's own parser does it, which is asked wherever there is more
 * than plain names and values: to load it takes a tenth of a start.
 */
function parseVariables(text: string): Variables {
  const variables: Variables = {};
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^([A-Z_]+)=([\w.:/,-]*)$/.exec(line) ?? [];
    if (name !== undefined) variables[name] = value;
    else if (!/^(?:#.*)?$/.test(line)) {
      return process.getBuiltinModule("node:util").parseEnv(text);
    }
  }
  return variables;
}

function refuse(stats: Stats): EnvFile | undefined {
  if (stats.isFile()) return undefined;
  // A folder of that name is somebody's, and was not meant for us.
  if (stats.isDirectory())
    return { error: "is a folder, no file", isAbsent: true };
  const kind = stats.isFIFO() ? "pipe (FIFO)" : "device";
  return { error: `is a ${kind}, no file` };
}

/** The usual `.env` files: the user's folder, the program's, this one. */
export function listUsualFiles(
  environment: Variables,
  platform: string = process.platform,
): string[] {
  const isWindows = platform === "win32";
  // Loading node:path takes half a megabyte.
  const separator = isWindows ? "\\" : "/";
  const join = (...parts: string[]) => parts.join(separator);
  const home =
    environment.HOME || process.getBuiltinModule("node:os").homedir();
  const xdg = environment.XDG_CONFIG_HOME ?? "";
  const folder = isWindows
    ? environment.APPDATA || join(home, "AppData", "Roaming")
    : xdg.startsWith("/")
      ? xdg
      : join(home, ".config");
  const { execPath } = process;
  const files = [
    join(folder, "backlog-mcp", ".env"),
    join(execPath.slice(0, execPath.lastIndexOf(separator)), ".env"),
  ];
  try {
    return [...files, join(process.cwd(), ".env")];
  } catch {
    // A folder that has been removed since it was this one.
    return files;
  }
}
