import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CLIENTS } from "../clients.ts";
import manifest from "../package.json" with { type: "json" };
import { listUsualFiles } from "../places.ts";
import { runToEnd } from "./build.ts";
import {
  OPENING,
  type RawClient,
  startRaw,
  toCall,
  toText,
} from "./raw-client.ts";

/** Where a Backlog space answers, and a key that it accepts. */
export type Space = { host: string; apiKey: string };

/** A program to talk to, and room for the homes of those who start it. */
export type Partner = {
  /** How this machine starts it: the program, or an emulator and the program. */
  command: readonly string[];
  program: string;
  folder: string;
};

type Environment = Record<string, string>;

/** Longer than an emulated start takes on a machine that is busy. */
const PATIENCE_MS = 60_000;

/** How soon the program is gone once its client is. */
const LAST_WORDS_MS = 2_000;

/**
 * Everything that a program is to do wherever it runs. Without a space, the
 * part that needs none. Throws with the part that failed and what was said.
 */
export async function converse(partner: Partner, space?: Space): Promise<void> {
  const home = await makeHome(partner, "ホーム 1");
  await part("--version and --help", () => askAboutItself(partner, home.env));
  await part("check, not configured", () => checkNothing(partner, home));
  await part("config", () => printConfigs(partner, home.env));
  await part("serving, not configured", () =>
    serve(partner, home.env, (client) => beConfigured(client, home, space)),
  );
  if (!space) return;
  const beside = join(dirname(partner.program), ".env");
  const empty = await makeHome(partner, "ホーム 2");
  await part("settings in the user's file", () =>
    work(partner, home.env, home.file),
  );
  await part("settings in the environment", () =>
    work(partner, { ...empty.env, ...toSettings(space) }, "the environment"),
  );
  await part("settings beside the program", async () => {
    await writeSettings(beside, space);
    await work(partner, empty.env, beside);
    await rm(beside);
  });
}

function toSettings({ host, apiKey }: Space): Environment {
  return { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: apiKey };
}

async function writeSettings(file: string, space: Space): Promise<void> {
  const lines = Object.entries(toSettings(space)).map((pair) => pair.join("="));
  await Bun.write(file, `${lines.join("\n")}\n`);
}

/** Serves a configured client, which calls both tools. */
export function callBoth(partner: Partner, env: Environment): Promise<void> {
  return serve(partner, env, callTools);
}

async function part(name: string, talk: () => Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = setTimeout(
    () => reject(new Error(`nothing within ${PATIENCE_MS / 1000} s`)),
    PATIENCE_MS,
  );
  try {
    await Promise.race([talk(), promise]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: ${why}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
}

/** An empty home, and what is in the environment of whoever lives there. */
async function makeHome({ folder }: Partner, name: string) {
  const home = join(folder, name);
  const env = {
    ...{ HOME: home, USERPROFILE: home },
    APPDATA: join(home, "AppData", "Roaming"),
  };
  await mkdir(home, { recursive: true });
  const [file = ""] = await listUsualFiles(env);
  return { env, file };
}

/** Runs a command of the program to its end. */
async function ask({ command, folder }: Partner, args: string[], env: object) {
  const said = await runToEnd([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
  });
  return { ...said, all: `exit ${said.code}\n${said.stdout}${said.stderr}` };
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

async function askAboutItself(partner: Partner, env: Environment) {
  const { stdout, code, all } = await ask(partner, ["--version"], env);
  const isSame = code === 0 && stdout.trim() === manifest.version;
  assert(isSame, `package.json says ${manifest.version}, this says ${all}`);
  const help = await ask(partner, ["--help"], env);
  assert(help.code === 0 && help.stdout.includes("config [CLIENT]"), help.all);
}

type Home = Awaited<ReturnType<typeof makeHome>>;

async function checkNothing(partner: Partner, { env, file }: Home) {
  const { stdout, code, all } = await ask(partner, ["check"], env);
  const names = ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", basename(file)];
  const isTold = names.every((name) => stdout.includes(name));
  assert(code === 1 && isTold, all);
}

async function printConfigs(partner: Partner, env: Environment) {
  for (const client of ["", ...CLIENTS]) {
    const args = ["config", client].filter(Boolean);
    const { stdout, code, all } = await ask(partner, args, env);
    const isPath = stdout.includes(basename(dirname(partner.program)));
    assert(code === 0 && isPath, `${client} ${all}`);
  }
}

/** From the handshake to the end of stdin, which ends the program. */
async function serve(
  { command, folder }: Partner,
  env: Environment,
  use: (client: RawClient) => Promise<void>,
): Promise<void> {
  const start = { command: [...command], cwd: folder };
  await using client = startRaw(env, start);
  try {
    client.send(...OPENING);
    const opened = JSON.stringify(await client.answerTo("initialize"));
    assert(opened.includes(`"version":"${manifest.version}"`), opened);
    const listed = JSON.stringify(await client.answerTo("list"));
    const tools = listed
      .match(/"name":"get_\w+"/g)
      ?.sort()
      .join();
    assert(tools === toolNames(), listed);
    await use(client);
  } catch (error) {
    client.kill();
    throw new Error(`${error}\n${await client.stderr}`, { cause: error });
  }
  client.end();
  const code = await Promise.race([client.exited, Bun.sleep(LAST_WORDS_MS)]);
  assert(code === 0, `exit ${code ?? "missing"} at the end of stdin`);
}

function toolNames(): string {
  return ["get_issue_details", "get_user_issue_list"]
    .map((name) => `"name":"${name}"`)
    .join();
}

/** A call says what to do; once that is done, the next one works. */
async function beConfigured(client: RawClient, { file }: Home, space?: Space) {
  client.send(toCall("remedy", "get_user_issue_list"));
  const remedy = await client.answerTo("remedy");
  const isTold = remedy.result?.isError && toText(remedy).includes(file);
  assert(isTold === true, JSON.stringify(remedy));
  if (!space) return;
  await writeSettings(file, space);
  await callTools(client);
}

async function work(partner: Partner, env: Environment, source: string) {
  const { stdout, code, all } = await ask(partner, ["check"], env);
  assert(code === 0 && stdout.includes(`from ${source}\n`), all);
  await callBoth(partner, env);
}

/** Both tools; the list with Japanese in what is asked and answered. */
async function callTools(client: RawClient): Promise<void> {
  const list = {
    ...{ project_keys: ["WEB"], assignee_names: ["anyone"] },
    status_names: ["検収"],
  };
  client.send(
    toCall("issue", "get_issue_details", { issue_key: "WEB-1" }),
    toCall("issues", "get_user_issue_list", list),
  );
  for (const [id, word] of [
    ["issue", "WEB-1"],
    ["issues", "検収"],
  ]) {
    const answer = await client.answerTo(id);
    const isWell =
      !answer.result?.isError && toText(answer).includes(`${word}`);
    assert(isWell, JSON.stringify(answer));
  }
}

// On Windows, or what passes for it, the parent must be a program of it too.
if (import.meta.main) {
  const { partner, space } = JSON.parse(process.argv[2] ?? "");
  await converse(partner, space).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}
