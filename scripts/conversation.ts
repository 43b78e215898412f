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
  command: string[];
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
  const { env, file } = await makeHome(partner, "ホーム 1");
  const start = { partner, env };
  await part("--version and --help", async () => {
    await ask(start, ["--version"], { words: [`${manifest.version}\n`] });
    await ask(start, ["--help"], { words: ["config [CLIENT]"] });
  });
  const words = ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", basename(file)];
  await part("check, not configured", () =>
    ask(start, ["check"], { words, exit: 1 }),
  );
  await part("config", async () => {
    const words = [basename(dirname(partner.program))];
    for (const client of [[], ...CLIENTS.map((name) => [name])]) {
      await ask(start, ["config", ...client], { words });
    }
  });
  await part("serving, not configured", () =>
    serve(partner, env, async (client) => {
      // A call says what to do; once that is done, the next one works.
      client.send(toCall("remedy", "get_user_issue_list"));
      const remedy = await client.answerTo("remedy");
      const isTold = remedy.result?.isError && toText(remedy).includes(file);
      assert(isTold === true, JSON.stringify(remedy));
      if (!space) return;
      await writeSettings(file, space);
      await callTools(client);
    }),
  );
  if (!space) return;
  await part("settings in the user's file", () => work(partner, env, file));
  const { env: empty } = await makeHome(partner, "ホーム 2");
  await part("settings in the environment", () =>
    work(partner, { ...empty, ...toSettings(space) }, "the environment"),
  );
  await part("settings beside the program", async () => {
    const beside = join(dirname(partner.program), ".env");
    await writeSettings(beside, space);
    await work(partner, empty, beside);
    await rm(beside);
  });
}

/** Serves a configured client, which calls both tools. */
export function callBoth(partner: Partner, env: Environment): Promise<void> {
  return serve(partner, env, callTools);
}

async function part(name: string, talk: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const why = new Error(`nothing within ${PATIENCE_MS / 1000} s`);
  setTimeout(late.reject, PATIENCE_MS, why).unref();
  try {
    await Promise.race([talk(), late.promise]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: ${why}`, { cause: error });
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
  const [file = ""] = listUsualFiles(env);
  return { env, file };
}

function toSettings({ host, apiKey }: Space): Environment {
  return { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: apiKey };
}

async function writeSettings(file: string, space: Space): Promise<void> {
  const lines = Object.entries(toSettings(space)).map((pair) => pair.join("="));
  await Bun.write(file, `${lines.join("\n")}\n`);
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Runs a command of the program, which is to say these words. */
async function ask(
  { partner, env }: { partner: Partner; env: Environment },
  args: string[],
  { words, exit = 0 }: { words: string[]; exit?: number },
): Promise<void> {
  const { command, folder } = partner;
  const { stdout, stderr, code } = await runToEnd([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
  });
  const said = stdout.replaceAll("\r\n", "\n");
  const isSaid = words.every((word) => said.includes(word));
  assert(
    code === exit && isSaid,
    `${args.join(" ")} does not say ${words.join(", ")}: exit ${code}\n${stdout}${stderr}`,
  );
}

/** From the handshake to the end of stdin, which ends the program. */
async function serve(
  { command, folder }: Partner,
  env: Environment,
  use: (client: RawClient) => Promise<void>,
): Promise<void> {
  await using client = startRaw(env, { command, cwd: folder });
  try {
    client.send(...OPENING);
    const opened = JSON.stringify(await client.answerTo("initialize"));
    assert(opened.includes(`"version":"${manifest.version}"`), opened);
    const listed = JSON.stringify(await client.answerTo("list"));
    const names = listed.match(/(?<="name":")get_\w+/g)?.sort();
    assert(`${names}` === "get_issue_details,get_user_issue_list", listed);
    await use(client);
  } catch (error) {
    client.kill();
    throw new Error(`${error}\n${await client.stderr}`, { cause: error });
  }
  client.end();
  const code = await Promise.race([client.exited, Bun.sleep(LAST_WORDS_MS)]);
  assert(code === 0, `exit ${code ?? "missing"} at the end of stdin`);
}

async function work(partner: Partner, env: Environment, source: string) {
  const words = [`from ${source}\n`];
  await ask({ partner, env }, ["check"], { words });
  await callBoth(partner, env);
}

/** Both tools; the list with Japanese in what is asked and answered. */
async function callTools(client: RawClient): Promise<void> {
  const anyone = { project_keys: ["WEB"], assignee_names: ["anyone"] };
  const list = { ...anyone, status_names: ["検収"] };
  client.send(
    toCall("WEB-1", "get_issue_details", { issue_key: "WEB-1" }),
    toCall("検収", "get_user_issue_list", list),
  );
  for (const word of ["WEB-1", "検収"]) {
    const answer = await client.answerTo(word);
    const isWell = !answer.result?.isError && toText(answer).includes(word);
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
