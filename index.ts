import { version } from "./package.json";
import { toPlaces } from "./places.ts";
import {
  LiveSettings,
  readSettings,
  toRedactor,
  toRemedy,
} from "./settings.ts";
import { introduce, Stdio } from "./stdio.ts";
import { publish } from "./tools.ts" with { type: "macro" };

interface CommandLine {
  command: "serve" | "check" | "config" | "version" | "help";
  /** Of `config`, as it was typed. */
  client?: string | undefined;
  envFile?: string | undefined;
}

const OPTIONS = {
  "env-file": { type: "string" },
  version: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
} as const;

/** Throws on anything unknown, with one line for the user. */
async function parseCommandLine(args: string[]): Promise<CommandLine> {
  if (args.length === 0) return { command: "serve" };
  const { parseArgs } = await import("node:util");
  // Its own errors would be longer than a line, and name no nearest option.
  const how = { strict: false, tokens: true } as const;
  const parsed = parseArgs({ args, options: OPTIONS, ...how });
  for (const token of parsed.tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (!Object.hasOwn(OPTIONS, name)) throw await toTypo(rawName);
    if (name !== "env-file" && value !== undefined) {
      throw new Error(`${rawName} takes no value. ${SEE_HELP}`);
    }
  }
  const { "env-file": envFile, version, help } = parsed.values;
  const [command = "serve", client, ...rest] = parsed.positionals;
  if (help || command === "help") return { command: "help" };
  if (version || command === "version") return { command: "version" };
  if (typeof envFile === "boolean" || envFile === "") {
    throw new Error(`--env-file needs the path of a file. ${SEE_HELP}`);
  }
  if (parsed.positionals.length === 0) return { command: "serve", envFile };
  if (command !== "check" && command !== "config") throw await toTypo(command);
  if (rest.length > 0 || (command === "check" && client !== undefined)) {
    const most = command === "check" ? "no argument" : "one client";
    throw new Error(`${command} takes ${most}. ${SEE_HELP}`);
  }
  return { command, client, envFile };
}

const SEE_HELP = "See backlog-mcp --help";

async function toTypo(word: string): Promise<Error> {
  const { describeTypo } = await import("./cli.ts");
  return new Error(describeTypo(word));
}

async function main(): Promise<void> {
  let commandLine: CommandLine;
  try {
    commandLine = await parseCommandLine(process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // A key may have been typed where a command stands.
    const redact = toRedactor(readSettings(toPlaces()).secrets);
    await Bun.write(Bun.stderr, redact(`backlog-mcp: ${message}\n`));
    process.exitCode = 2;
    return;
  }
  switch (commandLine.command) {
    case "help":
      return print((await import("./cli.ts")).USAGE);
    case "version":
      return print(`${version}\n`);
    case "serve":
      return serve(commandLine.envFile);
    default:
      return report(commandLine);
  }
}

async function print(text: string): Promise<void> {
  await Bun.write(Bun.stdout, text);
}

/** `check` and `config`: what a person asks on a terminal. */
async function report(commandLine: CommandLine): Promise<void> {
  const { command, client, envFile } = commandLine;
  const { check, wrap } = await import("./cli.ts");
  const places = toPlaces(envFile);
  const reading = readSettings(places);
  const found = { ...places, reading };
  if (command === "check") {
    const { text, isWell } = await check(found);
    await print(wrap(text, process.stdout.columns));
    process.exitCode = isWell ? 0 : 1;
    return;
  }
  const { toConfig } = await import("./clients.ts");
  const { text, advice } = await toConfig(client, found);
  const redact = toRedactor(reading.secrets);
  await print(redact(text));
  // console.error writes in red on a terminal, and nothing is wrong.
  const advised = wrap(redact(advice), process.stderr.columns);
  await Bun.write(Bun.stderr, `\n${advised}\n`);
}

/** Serves MCP on stdio until the client has gone. */
async function serve(envFile: string | undefined): Promise<void> {
  const places = toPlaces(envFile);
  const live = new LiveSettings(places);
  const { settings, problems, managed } = live.read();
  const zone = readMachineZone(process.env.TZ);
  const { redact } = live;
  const log = (text: string) => console.error(redact(`backlog-mcp: ${text}`));
  const stdio = new Stdio({
    introduction: introduce(publish(), { host: settings?.host, zone }),
    connect: async (transport) => {
      const [{ serveTools }, { Backlog }] = await Promise.all([
        import("./tools.ts"),
        import("./backlog.ts"),
      ]);
      let backlog: InstanceType<typeof Backlog> | undefined;
      const connect = async () => {
        const reading = live.read();
        const { settings } = reading;
        const file = envFile ?? places.usualFiles[0] ?? "";
        if (!settings) throw new Error(toRemedy(reading, file));
        backlog ??= new Backlog(live.toConnection(settings));
        return { backlog, userId: settings.userId };
      };
      const now = () => new Date();
      await serveTools(transport, { connect, redact, now, zone });
    },
    redact,
    onEnd: (problem) => {
      if (problem !== undefined) log(problem);
      process.exit(problem === undefined ? 0 : 1);
    },
  });
  void stdio.read();
  if (managed.passedOver !== undefined) log(managed.passedOver);
  // On a terminal the greeting points to check, which says it better.
  if (problems.length > 0 && !isTerminal()) {
    log(`not configured: ${problems.join("; ")}. Tool calls say what to do.`);
  }
  // Asking whether this is a terminal takes 2 ms, which no client shall wait.
  setTimeout(greet, GREETING_AFTER_MS).unref();
}

const PLACE =
  /(?:^:?|\/zoneinfo\/(?:posix\/)?)((?!Etc\/)[A-Z][A-Za-z]+(?:\/[A-Z][\w-]+){1,2})$/;

/** The zone that this machine is set to, if it is a place such as Asia/Tokyo. */
function readMachineZone(tz = readLocalTime()): string | undefined {
  return PLACE.exec(tz)?.[1];
}

function readLocalTime(): string {
  // Elsewhere Intl would take as long as all the rest of a start.
  if (process.platform === "win32") {
    return new Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  try {
    return process.getBuiltinModule("node:fs").readlinkSync("/etc/localtime");
  } catch {
    return "";
  }
}

/** A client has had its first answers by then; a person does not notice. */
const GREETING_AFTER_MS = 250;

/** Tells someone who started the server by hand what it is. */
async function greet(): Promise<void> {
  if (!isTerminal()) return;
  const { HINT, wrap } = await import("./cli.ts");
  await Bun.write(Bun.stderr, wrap(HINT, process.stderr.columns));
}

function isTerminal(): boolean {
  const { fstatSync } = process.getBuiltinModule("node:fs");
  const isWindows = process.platform === "win32";
  // No client's pipe comes further: node:tty takes more than a megabyte.
  if (!isWindows && !fstatSync(0).isCharacterDevice()) return false;
  return process.getBuiltinModule("node:tty").isatty(0);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(
      `backlog-mcp: ${error instanceof Error ? error.message : error}`,
    );
    process.exitCode = 1;
  });
}
